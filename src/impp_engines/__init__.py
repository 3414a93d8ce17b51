"""Small open models behind plain functions: pictures or samples in, findings out.

`labels`, `faces`, `text` and `moderation` look at an image, `vision` asks all of them at once; `speech` listens to a
media file; `weights` says where the models' weights are, `assets` fetches them. Importing a module is cheap: a model
loads at its first use and stays. Nothing here knows AWS or serves HTTP; callers translate the findings.
"""
