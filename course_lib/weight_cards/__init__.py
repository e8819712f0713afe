"""Weights entries as cards, like the label on a medicine box: what it is, how good, how big, how to use it.

>>> from torchvision.models import ResNet50_Weights
>>> one = card(ResNet50_Weights.IMAGENET1K_V2)
>>> one.metrics["ImageNet-1K"]["acc@1"], one.parameters, one.find("camel")
(80.858, 25557032, ((354, 'Arabian camel'),))
"""

from course_lib.weight_cards.entries import Card, card, registered
from course_lib.weight_cards.label import draw_card
from course_lib.weight_cards.pairs import Difference, differences, draw_pair

__all__ = ["Card", "Difference", "card", "differences", "draw_card", "draw_pair", "registered"]
