"""From a stage to an object that is ready to work: constructed, with its weights or with what it learned."""
