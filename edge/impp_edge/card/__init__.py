"""What lies on the cards: finding it, waiting until it is written, and removing what is safe."""
