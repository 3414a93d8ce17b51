"""What somebody asks of an asset: whether its state allows it, what it costs, and how long it takes."""
