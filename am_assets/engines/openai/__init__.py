"""Generation by an OpenAI-compatible server: requests, retries, replies and their failures."""
