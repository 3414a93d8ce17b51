"""Actions that somebody asks for: each looks at an asset, lets `core.actions` decide, and acts.

A module per action has `run(scope, asset)`, which returns the result for one asset as JSON.
"""
