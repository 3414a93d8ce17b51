"""A synthetic archive and a site that serves it with the gallery, for tests, measurements and development."""
