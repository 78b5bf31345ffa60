"""The OpenAPI 3.1 document of all routes, made from the types that parse the bodies."""
