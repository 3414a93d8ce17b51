"""Rekognition's names, categories and confidences for the findings of the local models.

Names, aliases, parents and categories follow the label list that AWS publishes for DetectLabels (model version 3.0).
A COCO class takes the name that Rekognition uses ("stop sign" is "Stopsign").
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from impp_engines.labels import Detection

_VEHICLE = ("Transportation", "Vehicle")
_CARS = "Vehicles and Automotive"
_ANIMALS = "Animals and Pets"
_FOOD = "Food and Beverage"
_HOME = "Home Appliances"
_KITCHEN = "Kitchen and Dining"
_FURNITURE = "Furniture and Furnishings"
_TECH = "Technology and Computing"
_SPORTS = "Sports"
_APPAREL = "Apparel and Accessories"
_STREET = "Transport and Logistics"
_PUBLIC = "Public Safety"


@dataclass(frozen=True)
class LabelInfo:
    """A Rekognition label: its name, category, ancestors (nearest last) and other names."""

    name: str
    category: str
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def _animal(name: str, *parents: str, aliases: tuple[str, ...] = ()) -> LabelInfo:
    return LabelInfo(name, _ANIMALS, ("Animal", *parents), aliases)


def _food(name: str, *parents: str) -> LabelInfo:
    return LabelInfo(name, _FOOD, ("Food", *parents))


LABELS: dict[str, LabelInfo] = {
    "person": LabelInfo("Person", "Person Description", (), ("Human",)),
    "bicycle": LabelInfo("Bicycle", _CARS, _VEHICLE, ("Bike",)),
    "car": LabelInfo("Car", _CARS, _VEHICLE, ("Automobile",)),
    "motorcycle": LabelInfo("Motorcycle", _CARS, _VEHICLE, ("Motor Bike",)),
    "airplane": LabelInfo("Airplane", _CARS, ("Aircraft", *_VEHICLE), ("Plane",)),
    "bus": LabelInfo("Bus", _CARS, _VEHICLE),
    "train": LabelInfo("Train", _CARS, ("Railway", *_VEHICLE)),
    "truck": LabelInfo("Truck", _CARS, _VEHICLE),
    "boat": LabelInfo("Boat", _CARS, _VEHICLE),
    "traffic light": LabelInfo("Traffic Light", _STREET, ("Light",)),
    "fire hydrant": LabelInfo("Fire Hydrant", _PUBLIC, ("Hydrant",)),
    "stop sign": LabelInfo("Stopsign", _STREET, ("Road Sign", "Sign", "Symbol")),
    "parking meter": LabelInfo("Parking Meter", _STREET),
    "bench": LabelInfo("Bench", _FURNITURE, ("Furniture",)),
    "bird": _animal("Bird"),
    "cat": _animal("Cat", "Mammal", "Pet"),
    "dog": _animal("Dog", "Canine", "Mammal", "Pet"),
    "horse": _animal("Horse", "Mammal"),
    "sheep": _animal("Sheep", "Livestock", "Mammal"),
    "cow": _animal("Cow", "Cattle", "Livestock", "Mammal"),
    "elephant": _animal("Elephant", "Mammal", "Wildlife"),
    "bear": _animal("Bear", "Mammal", "Wildlife"),
    "zebra": _animal("Zebra", "Mammal", "Wildlife"),
    "giraffe": _animal("Giraffe", "Mammal", "Wildlife"),
    "backpack": LabelInfo("Backpack", _APPAREL, ("Bag",)),
    "umbrella": LabelInfo("Umbrella", _APPAREL, ("Canopy",)),
    "handbag": LabelInfo("Handbag", _APPAREL, ("Accessories", "Bag"), ("Purse",)),
    "tie": LabelInfo("Tie", _APPAREL, ("Accessories", "Formal Wear"), ("Necktie",)),
    "suitcase": LabelInfo("Suitcase", _APPAREL, ("Baggage",)),
    "frisbee": LabelInfo("Frisbee", "Toys and Gaming", ("Toy",)),
    "skis": LabelInfo("Skiing", _SPORTS, ("Nature", "Outdoors", "Snow", "Sport")),
    "snowboard": LabelInfo("Snowboarding", _SPORTS, ("Nature", "Outdoors", "Snow", "Sport")),
    "sports ball": LabelInfo("Ball", _SPORTS, ("Sport",)),
    "kite": LabelInfo("Kite", "Toys and Gaming", ("Toy",)),
    "baseball bat": LabelInfo("Baseball Bat", _SPORTS, ("Baseball", "Sport")),
    "baseball glove": LabelInfo("Baseball Glove", _SPORTS, ("Baseball", "Glove", "Sport")),
    "skateboard": LabelInfo("Skateboard", _SPORTS, ("Sport",)),
    "surfboard": LabelInfo("Surfboard", _SPORTS, ("Leisure Activities", "Nature", "Outdoors", "Sport")),
    "tennis racket": LabelInfo("Tennis Racket", _SPORTS, ("Racket", "Sport", "Tennis")),
    "bottle": LabelInfo("Bottle", _FOOD),
    "wine glass": LabelInfo("Wine Glass", _FOOD, ("Alcohol", "Beverage", "Glass", "Wine")),
    "cup": LabelInfo("Cup", _KITCHEN),
    "fork": LabelInfo("Fork", _KITCHEN, ("Cutlery",)),
    "knife": LabelInfo("Knife", _KITCHEN, ("Cutlery",)),
    "spoon": LabelInfo("Spoon", _KITCHEN, ("Cutlery",)),
    "bowl": LabelInfo("Bowl", _KITCHEN),
    "banana": _food("Banana", "Fruit", "Plant", "Produce"),
    "apple": _food("Apple", "Fruit", "Plant", "Produce"),
    "sandwich": _food("Sandwich"),
    "orange": _food("Orange", "Citrus Fruit", "Fruit", "Plant", "Produce"),
    "broccoli": _food("Broccoli", "Plant", "Produce", "Vegetable"),
    "carrot": _food("Carrot", "Plant", "Produce", "Vegetable"),
    "hot dog": _food("Hot Dog"),
    "pizza": _food("Pizza"),
    "donut": _food("Donut", "Sweets"),
    "cake": _food("Cake", "Dessert"),
    "chair": LabelInfo("Chair", _FURNITURE, ("Furniture",)),
    "couch": LabelInfo("Couch", _FURNITURE, ("Furniture",), ("Sofa",)),
    "potted plant": LabelInfo("Potted Plant", "Plants and Flowers", ("Plant",)),
    "bed": LabelInfo("Bed", _FURNITURE, ("Furniture",)),
    "dining table": LabelInfo("Dining Table", _FURNITURE, ("Furniture", "Table")),
    "toilet": LabelInfo("Toilet", "Home and Indoors", ("Bathroom", "Indoors", "Room")),
    "tv": LabelInfo("TV", _TECH, ("Electronics", "Monitor", "Screen"), ("Television",)),
    "laptop": LabelInfo("Laptop", _TECH, ("Computer", "Electronics", "Pc")),
    "mouse": LabelInfo("Mouse", _TECH, ("Computer Hardware", "Electronics", "Hardware")),
    "remote": LabelInfo("Remote Control", _TECH, ("Electronics",)),
    "keyboard": LabelInfo("Computer Keyboard", _TECH, ("Computer Hardware", "Electronics", "Hardware")),
    "cell phone": LabelInfo("Mobile Phone", _TECH, ("Electronics", "Phone"), ("Cell Phone",)),
    "microwave": LabelInfo("Microwave", _HOME, ("Appliance", "Device", "Electrical Device"), ("Microwave Oven",)),
    "oven": LabelInfo("Oven", _HOME, ("Appliance", "Device", "Electrical Device")),
    "toaster": LabelInfo("Toaster", _HOME, ("Appliance", "Device", "Electrical Device")),
    "sink": LabelInfo("Sink", "Home and Indoors"),
    "refrigerator": LabelInfo("Refrigerator", _HOME, ("Appliance", "Device", "Electrical Device")),
    "book": LabelInfo("Book", "Education", ("Publication",)),
    "clock": LabelInfo("Clock", "Home and Indoors"),
    "vase": LabelInfo("Vase", "Home and Indoors", ("Jar", "Pottery")),
    "scissors": LabelInfo("Scissors", "Tools and Machinery"),
    "teddy bear": LabelInfo("Teddy Bear", "Toys and Gaming", ("Toy",)),
    "hair drier": LabelInfo("Blow Dryer", _HOME, ("Appliance", "Device", "Electrical Device"), ("Hair Dryer",)),
    "toothbrush": LabelInfo("Toothbrush", "Health and Fitness", ("Brush", "Device", "Tool")),
}
"""By COCO class name."""

UNSAFE = "Explicit"
"""The category of the moderation taxonomy's first level that nudity belongs to."""

_RELIABLE_SCORE = 0.40
_POWER = math.log(0.45) / math.log(1 - _RELIABLE_SCORE)


def confidence(score: float) -> float:
    """Percent for an object detector's score. 0.40, above which its findings are mostly right, becomes 55,
    Rekognition's default threshold; 0.54 becomes 70 and 0.8 becomes 92."""
    return round(100 * (1 - math.pow(1 - min(score, 1.0), _POWER)), 4)


def score(confidence: float) -> float:
    """The inverse of `confidence`."""
    return 1.0 - float(math.pow(1 - min(confidence, 100) / 100, 1 / _POWER))


@dataclass
class Label:
    """A label of a picture: `confidence` in percent, and the objects that it names, best first; none for a parent."""

    info: LabelInfo
    confidence: float
    instances: list[Detection] = field(default_factory=list)


def labels(detections: Iterable[Detection]) -> list[Label]:
    """A label with its instances for each kind of object, and one without instances for each parent, best first.

    `detections` are sorted from best to worst.
    """
    by_name: dict[str, Label] = {}
    for detection in detections:
        info, percent = LABELS[detection.name], confidence(detection.score)
        by_name.setdefault(info.name, Label(info, percent)).instances.append(detection)
        for index, parent in enumerate(info.parents):
            by_name.setdefault(parent, Label(LabelInfo(parent, info.category, info.parents[:index]), percent))
    return sorted(by_name.values(), key=lambda label: -label.confidence)
