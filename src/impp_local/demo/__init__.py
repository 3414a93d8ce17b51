"""`make demo`: the whole pipeline on one machine, on sample footage or your own, and the report on how it went."""
