"""Videos divided into windows that only a look at them tells: how long they are, and where their shots are."""
