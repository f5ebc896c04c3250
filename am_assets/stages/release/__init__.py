"""The release: its files and the card that says what they hold."""
