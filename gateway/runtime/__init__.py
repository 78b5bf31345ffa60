"""Small tools that every floor above works with: circuit breaker, threads, and figures about waiting."""
