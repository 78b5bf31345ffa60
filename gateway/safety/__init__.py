"""What may go in and out: terms, an image classifier, a moderation endpoint, personal data."""
