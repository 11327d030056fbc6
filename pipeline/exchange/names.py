"""Names of stages from names of features, and which features of both sides belong together by their names."""

import re
from collections.abc import Collection, Sequence

from pipeline.exchange.found import Feature

LONGEST = 48  # letters of a stage's name, which is a folder, a command and a column of tables
# What a name says of a side, which both names of a pair say differently.
SIDE = re.compile(r"visual|video|vid|vision|image|img|text(ual)?|txt|captions?|sentences?|quer(y|ies)|language", re.I)
FILLING = re.compile(r"features?|feats?|embeddings?|embeds?|embs?|vectors?|outputs?|global|mean|pooled|encoders?", re.I)
# Models that put videos and texts into one space: a feature of each side that names the same one is a pair.
FAMILIES = re.compile(
    r"clip2video|clip4clip|teachclip|clip[-_]?vip|x[-_]?clip|internvideo2?|languagebind|siglip2?|metaclip|mobileclip"
    r"|eva[-_]?clip|pe[-_]?core|(?<![a-z])(?:blip2?|gram|vast)(?![a-z])|clip(?![ps])",
    re.I,
)


def stage_name(name: str, taken: Collection[str], ending: str) -> str:
    """A name that a stage may have, as near to the feature's as can be, and none of those that are taken.

    ending: what tells it from another of the same name, such as text or frames.
    """
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", name.rpartition("/")[2]).strip("-_") or "feature"
    word = word[:LONGEST].strip("-_")
    names = [word, f"{word}-{ending}", re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")]
    names += [f"{word}-{number}" for number in range(2, len(taken) + 3)]
    return next(one for one in names if one not in taken)


def pairs(features: Sequence[Feature]) -> list[tuple[Feature, Feature]]:
    """Features of a video and of captions that seem to come from one model: by their names, and of equal width.

    Either the names are equal but for words such as `visual` and `text`; or both name the same image-text model, and
    no other feature of their side does.
    """
    videos = [feature for feature in features if feature.side == "video" and feature.level == "video"]
    texts = [feature for feature in features if feature.side == "text" and feature.level == "video"]
    paired: list[tuple[Feature, Feature]] = []
    for key in (_bare, _family):
        for video in videos:
            word = key(video.files.name)
            alike = [text for text in texts if word and key(text.files.name) == word and text.width == video.width]
            rivals = [one for one in videos if key(one.files.name) == word and one.width == video.width]
            if len(alike) == len(rivals) == 1 and not any(video in pair or alike[0] in pair for pair in paired):
                paired.append((video, alike[0]))
    return paired


def _bare(name: str) -> str:
    """A name without words of its side and without separators; '' where it names no image-text model."""
    last = name.rpartition("/")[2]
    if not FAMILIES.search(last):
        return ""
    return re.sub(r"[^a-z0-9]", "", FILLING.sub("", SIDE.sub("", last.lower())))


def _family(name: str) -> str:
    """The image-text model that a name names, or ''."""
    match = FAMILIES.search(name.rpartition("/")[2])
    return re.sub(r"[^a-z0-9]", "", match[0].lower()) if match else ""
