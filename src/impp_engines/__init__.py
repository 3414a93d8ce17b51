"""Small open models behind plain functions: pictures or samples in, findings out.

`labels`, `faces`, `text` and `moderation` look at an image, `speech` listens to a media file; `assets` fetches their
weights. Importing a module is cheap: a model loads at its first use and stays. Nothing here knows AWS or serves HTTP;
callers translate the findings.
"""
