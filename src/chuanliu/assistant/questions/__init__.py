"""Questions about one's own bills, in Chinese and English: understood by rules and a small local model, answered from
the consumer's own rows with the lines that prove it, refused where they are not understood.
"""

from chuanliu.assistant.questions.answering import EXAMPLES, answer_to, tongue_of
from chuanliu.assistant.questions.answers import Answer, Proof
from chuanliu.assistant.questions.concepts import INTENTS
from chuanliu.assistant.questions.facts import Facts
from chuanliu.assistant.questions.facts_store import read_facts
from chuanliu.assistant.questions.slots import Named, Slots
from chuanliu.assistant.questions.understanding import (
    EXAMPLE_DAY,
    EXAMPLE_PRODUCTS,
    EXAMPLE_SHOPS,
    Question,
    Understood,
    model,
    read_questions,
    understand,
)

__all__ = [
    "EXAMPLES",
    "EXAMPLE_DAY",
    "EXAMPLE_PRODUCTS",
    "EXAMPLE_SHOPS",
    "INTENTS",
    "Answer",
    "Facts",
    "Named",
    "Proof",
    "Question",
    "Slots",
    "Understood",
    "answer_to",
    "model",
    "read_facts",
    "read_questions",
    "tongue_of",
    "understand",
]
