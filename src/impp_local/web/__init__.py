"""How a request comes in: the HTTP server, the gateway, the wire protocols, what is billed per request."""
