"""The state machine in the interpreter."""

from tests.support.state_machine import world as world
