"""A small language of household requests and the typed commands that they stand for.

The quick start teaches a base model, by LoRA, to turn `give olga five coins` into `pay(to=olga, amount=5)`.
The base has read requests, commands, and how numbers and times are written, but never a request beside its
command.
"""

import re
from dataclasses import dataclass
from random import Random
from string import Formatter

NAMES = (
    "anna bela carl dora emil fritz gina hans ines jakob karin lena lukas marco nadia nora olga otto paul "
    "rosa sara selim tara theo ugo vera wanda xenia yuri zoe"
).split()
ITEMS = (
    "apples baskets bells books boxes bread bricks brushes candles carpets chairs coats cups eggs flowers "
    "forks hammers keys ladders lamps lemons mats milk mirrors nails onions pans paper pens pillows plates "
    "rice ropes salt shoes soap spoons stones sugar tea tools towels wool"
).split()
ROOMS = "attic bathroom bedroom cellar garage garden hall kitchen office study".split()
STYLES = "blues chorale disco folk jazz opera polka rock samba swing tango waltz".split()
DAY_PARTS = ("morning", "afternoon", "evening")

_UNITS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def spoken_number(number: int) -> str:
    """The number from 1 to 99 in words: 23 is `twenty three`."""
    if number < 20:
        return _UNITS[number - 1]
    tens, units = divmod(number, 10)
    return _TENS[tens - 2] if units == 0 else f"{_TENS[tens - 2]} {_UNITS[units - 1]}"


@dataclass(frozen=True)
class Hour:
    """A full hour, as said (`seven in the evening`) and as written (`19:00`)."""

    spoken: str
    written: str


def _hours() -> tuple[Hour, ...]:
    parts = [("morning", range(1, 12), 0), ("afternoon", range(1, 6), 12), ("evening", range(6, 12), 12)]
    return tuple(
        Hour(f"{spoken_number(hour)} in the {part}", f"{hour + offset:02d}:00")
        for part, hours, offset in parts
        for hour in hours
    )


HOURS = _hours()
NUMBERS = range(1, 100)
LONGEST_COPY = 26


@dataclass(frozen=True)
class Intent:
    """One kind of request. Templates name their slots; upper-case slots are the written form."""

    phrasings: tuple[str, ...]
    """Ways to ask that the training rows use."""
    unseen: tuple[str, ...]
    """Ways to ask that the base has read, but no training row uses."""
    reply: str
    call: str


INTENTS = (
    Intent(
        (
            "give {name} {n} coins",
            "send {n} coins to {name}",
            "{name} should get {n} coins",
            "please pay {name} {n} coins",
        ),
        ("{n} coins for {name} please",),
        "{name} gets {n} coins",
        "pay(to={name}, amount={N})",
    ),
    Intent(
        ("buy {n} {item}", "we need {n} {item}", "please get us {n} {item}", "order {n} {item} for us"),
        ("{n} {item} please",),
        "there will be {n} {item}",
        "order(item={item}, count={N})",
    ),
    Intent(
        (
            "meet {name} at {t}",
            "i will see {name} at {t}",
            "at {t} i meet {name}",
            "plan to see {name} at {t}",
        ),
        ("{name} and i meet at {t}",),
        "{name} comes at {t}",
        "book(with={name}, at={T})",
    ),
    Intent(
        ("wake {name} at {t}", "{name} gets up at {t}", "at {t} wake {name}", "let {name} sleep until {t}"),
        ("please wake {name} at {t}",),
        "{name} will sleep until {t}",
        "alarm(who={name}, at={T})",
    ),
    Intent(
        (
            "dim the {room} to {n} percent",
            "set the lights of the {room} to {n} percent",
            "{n} percent light in the {room}",
            "the {room} needs {n} percent light",
        ),
        ("please dim the {room} to {n} percent",),
        "the lights of the {room} are at {n} percent",
        "light(room={room}, level={N})",
    ),
    Intent(
        (
            "heat the {room} to {n} degrees",
            "make the {room} {n} degrees warm",
            "{n} degrees in the {room}",
            "the {room} needs {n} degrees",
        ),
        ("please heat the {room} to {n} degrees",),
        "the {room} will be {n} degrees warm",
        "heat(room={room}, degrees={N})",
    ),
    Intent(
        (
            "play {style} at {t}",
            "at {t} i want {style}",
            "let us hear {style} at {t}",
            "we want to hear {style} at {t}",
        ),
        ("please play {style} at {t}",),
        "we will hear {style} at {t}",
        "play(style={style}, at={T})",
    ),
    Intent(
        (
            "clean the {room} at {t}",
            "the {room} must be clean at {t}",
            "at {t} clean the {room}",
            "somebody should clean the {room} at {t}",
        ),
        ("please clean the {room} at {t}",),
        "the {room} will be clean at {t}",
        "clean(room={room}, at={T})",
    ),
)


@dataclass(frozen=True)
class Request:
    """What a user says, how a person would confirm it, and the command it stands for."""

    text: str
    reply: str
    call: str


def draw_request(rng: Random, intent: Intent, phrasing: str) -> Request:
    """Fills the slots of one phrasing at random."""
    number = rng.choice(NUMBERS)
    hour = rng.choice(HOURS)
    slots = {
        "name": rng.choice(NAMES),
        "item": rng.choice(ITEMS),
        "room": rng.choice(ROOMS),
        "style": rng.choice(STYLES),
        "n": spoken_number(number),
        "N": str(number),
        "t": hour.spoken,
        "T": hour.written,
    }
    return Request(phrasing.format(**slots), intent.reply.format(**slots), intent.call.format(**slots))


def prompt_of(text: str) -> str:
    """The prompt that asks for a command."""
    return f"user : {text} call :"


def vocabulary() -> list[str]:
    """Every word, digit and sign of the language, sorted."""
    text = [
        *NAMES,
        *ITEMS,
        *ROOMS,
        *STYLES,
        *DAY_PARTS,
        *_UNITS,
        *_TENS,
        *"0123456789",
        *":()=,.",
        *"user call reply is".split(),
    ]
    for intent in INTENTS:
        for template in (*intent.phrasings, *intent.unseen, intent.reply, intent.call):
            text += _fixed_words(template)
    return sorted(set(text))


def _fixed_words(template: str) -> list[str]:
    fixed = " ".join(literal for literal, *_ in Formatter().parse(template))
    return re.findall(r"[a-z]+", fixed)


def draw_sentence(rng: Random) -> str:
    """One line of pretraining text: requests with confirmations, copies, commands, numbers and times.

    The copies are what makes the base teachable: without them it never learns to look a word up in its
    prompt, and no adapter gets a name into a command.
    """
    kind = rng.random()
    if kind < 0.35:
        intent = rng.choice(INTENTS)
        request = draw_request(rng, intent, rng.choice((*intent.phrasings, *intent.unseen)))
        return f"user : {request.text} reply : {request.reply} ."
    if kind < 0.65:
        words = [rng.choice(_COPIED) for _ in range(rng.randint(3, 10))]
        return " ".join(words * max(2, LONGEST_COPY // len(words)))
    if kind < 0.80:
        intent = rng.choice(INTENTS)
        return f"call : {draw_request(rng, intent, intent.phrasings[0]).call}"
    if rng.random() < 0.5:
        number = rng.choice(NUMBERS)
        return f"{spoken_number(number)} is {number}"
    hour = rng.choice(HOURS)
    return f"{hour.spoken} is {hour.written}"


_COPIED = (*NAMES, *ITEMS, *ROOMS, *STYLES, *_UNITS, *_TENS)
