"""Names for what nobody named: two words and a number, easy to say and to find again."""

from __future__ import annotations

import secrets

ADJECTIVES = (
    "amber ancient ample arched basalt blue bold brave bright brisk calm candid careful chalky clear clever coastal cool copper crisp "
    "curious dappled deep distant dry eager early earnest even fair fern fine firm fleet flinty fond frank fresh gentle glad golden "
    "granite gray green hardy hazel hidden high humble ivory jade jolly keen kind large late lively long lucid lunar marble mellow "
    "merry mild misty modest mossy neat nimble noble northern open pale patient plain polite proud quick quiet rapid rare red rich "
    "rocky rosy round rugged sandy scarlet serene sharp silent silver sleek slow smooth snowy solar solid southern stable steady "
    "stony sturdy subtle sunny swift tall tender tidy upbeat vast vivid warm western whole wide wild wise witty young"
).split()
NOUNS = (
    "acorn alder anchor antler ash badger basin bay beacon beaver birch bison boulder breeze brook canyon cedar cliff cloud clover comet "
    "coral cove crane creek crest crow dale dawn deer delta dove dune eagle elk elm ember falcon fen fern field finch fjord forest "
    "fossil fox frost gale garnet geyser glacier glade goose gorge grove gull harbor hare hawk heath heron hill hollow ibex inlet "
    "iris island jay juniper kestrel lagoon lake larch lark lichen lily lynx maple marsh meadow mesa moon moor moose moss mountain "
    "newt oak ocean opal orchid osprey otter owl peak pebble pine plain plover pond poplar prairie quail quarry quartz raven reed "
    "reef ridge river robin rock sage salmon seal shale shore slate sparrow spring spruce star stone stork stream swan thistle "
    "thrush tide trail trout tundra valley vole walnut wave willow wolf wren"
).split()


def adjective_noun_number() -> str:
    """Such as `stony-heron-417`."""
    return f"{secrets.choice(ADJECTIVES)}-{secrets.choice(NOUNS)}-{secrets.randbelow(1000)}"
