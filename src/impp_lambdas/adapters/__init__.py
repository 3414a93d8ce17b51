"""Everything that talks to a network: AWS clients, the catalog, the topic, webhooks, ranged reads."""
