"""Acting: the plan of a switch (pure), the executor that carries it out, and one file per gate strategy."""
