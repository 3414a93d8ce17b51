"""Files on the cards: find them, wait until they are complete, identify them, and put them in order."""
