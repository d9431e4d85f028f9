"""Studies with people: pages on which readers judge images blind, their answers scored, and masks drawn by observers compared."""

from sigmaraw.people.masks import Observers, observers
from sigmaraw.people.page import make_page
from sigmaraw.people.scoring import Scored, score_answers

__all__ = ["Observers", "Scored", "make_page", "observers", "score_answers"]
