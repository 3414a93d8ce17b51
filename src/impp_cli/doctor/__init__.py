"""What would make a deployment fail, and what an account offers that an environment does not use yet."""
