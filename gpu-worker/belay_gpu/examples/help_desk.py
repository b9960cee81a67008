"""Questions to the help desk of a lending library, with what each of them wants. Written for this project.

Several intents share their words (renew and return, fee and card). Each row names its phrasing, so that a
split by phrasing asks whether a classifier has understood a question, not whether it has seen it.
"""

from random import Random

ITEMS = "the atlas|my novel|the cookbook|that film|the audio book|the game|the comic|the guide".split("|")
DAYS = "on Monday|tomorrow|next week|on Saturday|this evening|before Easter|in May|today".split("|")
PLACES = "the main branch|the station branch|the reading room|the school library".split("|")
GREETINGS = ("", "", "", "Hello, ", "Hi there, ", "Good morning, ", "Excuse me, ")

INTENTS: dict[str, tuple[str, ...]] = {
    "renew_loan": (
        "can I keep {item} a little longer",
        "I need more time with {item}",
        "please extend the loan of {item}",
        "could you renew {item} for me",
        "I have not finished {item}, may it stay with me another week",
        "push the due date of {item} back",
        "is a second extension of {item} possible",
        "I would like to hold on to {item} beyond its date",
        "prolong {item} if nobody waits for it",
        "how often can I extend {item}",
        "{item} is due {day} but I am only half way through",
        "my extension of {item} did not go through",
    ),
    "return_item": (
        "where do I bring {item} back",
        "can I drop {item} into the box at night",
        "I want to hand {item} in {day}",
        "may a friend give back {item} for me",
        "is it all right to return {item} at {place}",
        "does the return box at {place} take {item}",
        "I put {item} on your counter, is it checked in",
        "my account still shows {item} although I brought it back",
        "can I post {item} to you instead of coming",
        "how do I give {item} back when you are closed",
        "who takes {item} at {place} {day}",
        "I am done with {item}, where should it go",
    ),
    "reserve_item": (
        "please put {item} aside for me",
        "can I get in line for {item}",
        "I want to reserve {item} for {day}",
        "how many people wait for {item} before me",
        "tell me when {item} is back on the shelf",
        "place a hold on {item} at {place}",
        "could you keep {item} at the desk for me",
        "someone else has {item}, may I have it next",
        "my hold on {item} has vanished",
        "I would like {item} as soon as it comes in",
        "is there a waiting list for {item}",
        "move my reservation of {item} to {place}",
    ),
    "late_fee": (
        "what do I owe for {item}",
        "why was I charged for {item}",
        "how much does each day cost when {item} is late",
        "can the fine for {item} be waived",
        "I paid my fine {day} but it is still shown",
        "do children pay when {item} comes late",
        "where can I settle what I owe",
        "is there a limit to the fine for {item}",
        "I was ill, must I still pay for {item} being overdue",
        "the charge for {item} is wrong",
        "can I pay the fine by card at {place}",
        "you billed me for {item} twice",
    ),
    "lost_item": (
        "I cannot find {item} anywhere",
        "{item} was stolen from my car",
        "I left {item} on the train",
        "what happens if {item} is lost",
        "my dog chewed {item} to pieces",
        "I spilled coffee over {item}",
        "may I buy a new copy to replace {item}",
        "{item} has pages missing since I had it",
        "I think I lost {item} at {place}",
        "how do I report {item} as damaged",
        "I found {item} again after I told you it was gone",
        "what does a replacement of {item} cost",
    ),
    "opening_hours": (
        "when do you open {day}",
        "is {place} open {day}",
        "how late can I come {day}",
        "are you closed {day}",
        "what are the hours of {place}",
        "until when is the desk at {place} staffed",
        "do you have different hours in summer",
        "at what time does {place} close {day}",
        "can I still get in {day} after six",
        "is anybody there {day}",
        "how early may I come to {place}",
        "do you open on public holidays",
    ),
    "library_card": (
        "how do I get a card",
        "my card no longer works at {place}",
        "I need a card for my daughter",
        "what must I bring to join",
        "is membership free for students",
        "I lost my card, can I have a new one",
        "my membership ends {day}, what now",
        "can I borrow without a card",
        "I moved, please change the address on my card",
        "how old must one be to become a member",
        "could I sign up online before I come {day}",
        "the number on my card cannot be read",
    ),
    "find_item": (
        "where is {item} on the shelf",
        "do you have {item} in large print",
        "is {item} in at {place}",
        "I am looking for something like {item}",
        "on which floor do I find {item}",
        "can you look up whether {item} is in your catalogue",
        "does {place} own {item}",
        "is there a newer edition of {item}",
        "what else did the author of {item} write",
        "have you got {item} in another language",
        "I only remember the cover of {item}, can you help me search",
        "which shelf holds books on gardening",
    ),
    "book_room": (
        "can we use the meeting room {day}",
        "I want to book a study desk at {place} {day}",
        "is a quiet room free {day}",
        "how many people fit into the group room at {place}",
        "please cancel our room {day}",
        "does the room at {place} have a projector",
        "what does it cost to rent the hall {day}",
        "can our club meet at {place} each month",
        "I need a place for a video call {day}",
        "may we bring food into the group room",
        "move our room from the morning to the afternoon",
        "who unlocks the seminar room {day}",
    ),
    "computer_help": (
        "the printer at {place} is out of paper",
        "how do I get on the wireless network",
        "your web site does not let me log in",
        "I forgot my password",
        "how much is a page from the colour printer",
        "can I scan a document at {place}",
        "the app crashes when I open my account",
        "is there a computer I can use {day}",
        "the e-book will not open on my reader",
        "where do I plug in my laptop at {place}",
        "can I print from my phone",
        "the screen at {place} shows an error",
    ),
}


ANSWERS = {
    "renew_loan": "Yes: {item} can stay with you for three more weeks, unless somebody waits for it.",
    "return_item": "You may return {item} at any desk, or use the box beside the door at night.",
    "reserve_item": "I have put a hold on {item}. You will hear from us when it lies at {place}.",
    "late_fee": "Each day that {item} is late costs ten cents. You can pay at {place}.",
    "lost_item": "I am sorry. Tell the desk at {place}, and we will find a way to replace {item}.",
    "opening_hours": "The desk at {place} is staffed from nine to six, on Saturdays until two.",
    "library_card": "A card is made at {place} while you wait. Please bring proof of your address.",
    "find_item": "Let me look: {item} should stand at {place}. The desk there will show you the shelf.",
    "book_room": "The rooms at {place} can be had for two hours a day. Shall I write your name down?",
    "computer_help": "Somebody at {place} will have a look at it. Until then the desk can help you.",
}


def _questions(seed: int, per_phrasing: int) -> list[dict[str, str]]:
    rng = Random(seed)
    found: dict[str, dict[str, str]] = {}
    for intent, phrasings in INTENTS.items():
        for number, phrasing in enumerate(phrasings):
            for _ in range(per_phrasing):
                slots = {"item": rng.choice(ITEMS), "day": rng.choice(DAYS), "place": rng.choice(PLACES)}
                text = rng.choice(GREETINGS) + phrasing.format(**slots) + rng.choice(("", "?", "."))
                text = text[0].upper() + text[1:] if rng.random() < 0.7 else text.lower()
                answer = ANSWERS[intent].format(**slots)
                row = {"text": text, "intent": intent, "phrasing": f"{intent} {number}", "answer": answer}
                found.setdefault(text, row)
    questions = list(found.values())
    rng.shuffle(questions)
    return questions


def rows(seed: int) -> list[dict[str, str]]:
    """Distinct questions as {text, intent, phrasing}, in random order."""
    columns = ("text", "intent", "phrasing")
    return [{name: row[name] for name in columns} for row in _questions(seed, per_phrasing=8)]


def conversations(seed: int) -> list[dict[str, list[dict[str, str]]]]:
    """Questions with their answers, as rows of {messages}."""
    system = {"role": "system", "content": "You are the help desk of a library. Answer in a sentence or two."}
    return [
        {
            "messages": [
                system,
                {"role": "user", "content": row["text"]},
                {"role": "assistant", "content": row["answer"]},
            ]
        }
        for row in _questions(seed, per_phrasing=2)
    ]
