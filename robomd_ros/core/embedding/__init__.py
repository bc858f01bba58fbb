"""The vision-language embedding: what will fail among variations that nobody has tried."""
