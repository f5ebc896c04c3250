"""The closed world of the science problems: elementary facts, by family.

A family has source wordings, benchmark wordings and a statement, all with the slot `x`; its facts
map what fills the slot to the short answer. Every third fact of a family is a benchmark fact: no
source asks for it, so that a source row and a benchmark item never have the same subject.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Facts asked in the same words; `statement` has the slots `x` and `y` (the answer)."""

    name: str
    source: tuple[str, ...]
    benchmark: tuple[str, ...]
    statement: str
    facts: tuple[tuple[str, str], ...]
    difficulty: str

    def split(self, *, benchmark: bool) -> list[tuple[str, str]]:
        """The facts of one side of the benchmark's cut."""
        return [fact for i, fact in enumerate(self.facts) if (i % 3 == 2) == benchmark]


def _facts(table: str) -> tuple[tuple[str, str], ...]:
    pairs = (entry.split("=") for entry in table.split(";"))
    return tuple((subject.strip(), answer.strip()) for subject, answer in pairs)


FAMILIES: tuple[Family, ...] = (
    Family(
        "element",
        (
            "What is the chemical symbol for {x}?",
            "Which letters stand for {x} in the periodic table?",
            "How is the element {x} written as a symbol?",
        ),
        ("Chemists abbreviate {x} as what?", "Give the periodic table abbreviation of {x}."),
        "The symbol of {x} is {y}.",
        _facts(
            "iron=Fe; gold=Au; helium=He; silver=Ag; copper=Cu; neon=Ne; lead=Pb; tin=Sn; "
            "zinc=Zn; oxygen=O; carbon=C; calcium=Ca; sodium=Na; potassium=K; hydrogen=H; "
            "nitrogen=N; mercury=Hg; silicon=Si; sulfur=S; chlorine=Cl; uranium=U"
        ),
        "medium",
    ),
    Family(
        "young",
        (
            "What do we call the young of a {x}?",
            "What is the name for a baby {x}?",
            "Which word means a young {x}?",
        ),
        ("A newborn {x} is known as what?", "Name the offspring of a {x}."),
        "The young of a {x} is called a {y}.",
        _facts(
            "cow=calf; dog=puppy; cat=kitten; horse=foal; sheep=lamb; goat=kid; pig=piglet; "
            "frog=tadpole; goose=gosling; duck=duckling; swan=cygnet; kangaroo=joey; lion=cub; "
            "deer=fawn; owl=owlet; butterfly=caterpillar; hare=leveret; eagle=eaglet"
        ),
        "easy",
    ),
    Family(
        "unit",
        (
            "Which unit measures {x}?",
            "In which SI unit is {x} given?",
            "What is the standard unit of {x}?",
        ),
        ("Physicists state {x} in what unit?", "Name the unit used for {x}."),
        "The unit of {x} is the {y}.",
        _facts(
            "force=newton; energy=joule; power=watt; pressure=pascal; electric current=ampere; "
            "voltage=volt; frequency=hertz; electrical resistance=ohm; temperature=kelvin; "
            "mass=kilogram; length=metre; electric charge=coulomb"
        ),
        "medium",
    ),
    Family(
        "instrument",
        (
            "Which instrument measures {x}?",
            "What tool do we use to measure {x}?",
            "With which device can {x} be measured?",
        ),
        ("Name the device that gauges {x}.", "What gadget shows a scientist {x}?"),
        "A {y} measures {x}.",
        _facts(
            "body temperature=thermometer; air pressure=barometer; wind speed=anemometer; "
            "earthquakes=seismograph; the humidity of air=hygrometer; compass direction=compass; "
            "the weight of objects=scale; rainfall=rain gauge; the speed of a car=speedometer"
        ),
        "medium",
    ),
    Family(
        "organ",
        (
            "Which organ {x}?",
            "What part of the human body {x}?",
            "Which body part is it that {x}?",
        ),
        ("In anatomy, what {x}?", "Name the organ that {x}."),
        "The organ that {x} is the {y}.",
        _facts(
            "pumps the blood=heart; filters the blood and makes urine=kidney; "
            "controls thought and memory=brain; takes in oxygen from the air=lungs; "
            "breaks down food with acid=stomach; makes bile=liver; lets us hear sounds=ear; "
            "covers and protects the body=skin; lets us see=eye; lets us taste=tongue; "
            "holds urine=bladder; makes insulin=pancreas"
        ),
        "easy",
    ),
    Family(
        "planet",
        (
            "Which planet {x}?",
            "What is the planet that {x}?",
            "Which world of our solar system {x}?",
        ),
        ("Name the planet that {x}.", "Astronomers say that one planet {x}. Which one?"),
        "The planet that {x} is {y}.",
        _facts(
            "is closest to the Sun=Mercury; is called the red planet=Mars; "
            "is farthest from the Sun=Neptune; is the largest of all=Jupiter; "
            "is the home of humans=Earth; is hottest on its surface=Venus; "
            "has the brightest rings=Saturn; rotates on its side=Uranus; "
            "has a great red spot=Jupiter"
        ),
        "easy",
    ),
    Family(
        "change",
        (
            "What is the change from {x} called?",
            "Which word names the change from {x}?",
            "How do we name it when matter goes from {x}?",
        ),
        ("A substance turns from {x}. Name this process.", "Name the phase transition from {x}."),
        "The change from {x} is called {y}.",
        _facts(
            "solid to liquid=melting; liquid to solid=freezing; liquid to gas=evaporation; "
            "gas to liquid=condensation; solid to gas=sublimation; gas to solid=deposition"
        ),
        "medium",
    ),
    Family(
        "group",
        (
            "To which class of animals does the {x} belong?",
            "What kind of animal is a {x}?",
            "In which animal group do we place the {x}?",
        ),
        ("Zoologists classify a {x} as what?", "Name the zoological class of a {x}."),
        "A {x} is {y}.",
        _facts(
            "frog=an amphibian; penguin=a bird; whale=a mammal; snake=a reptile; salmon=a fish; "
            "ant=an insect; bat=a mammal; scorpion=an arachnid; lizard=a reptile; "
            "crab=a crustacean; tarantula=an arachnid; newt=an amphibian; shark=a fish; "
            "beetle=an insect; ostrich=a bird"
        ),
        "easy",
    ),
    Family(
        "study",
        (
            "Which science studies {x}?",
            "What is the study of {x} called?",
            "Which field of science deals with {x}?",
        ),
        ("A researcher of {x} works in what discipline?", "Name the discipline devoted to {x}."),
        "The science of {x} is {y}.",
        _facts(
            "stars and planets=astronomy; plants=botany; animals=zoology; "
            "rocks and the Earth=geology; weather=meteorology; fossils=paleontology; "
            "substances and their reactions=chemistry; earthquakes and their waves=seismology; "
            "insects=entomology"
        ),
        "medium",
    ),
    Family(
        "formula",
        (
            "What is the chemical formula of {x}?",
            "Which formula do chemists write for {x}?",
            "How is {x} written as a formula?",
        ),
        ("Write {x} in chemical notation.", "What molecule notation denotes {x}?"),
        "The formula of {x} is {y}.",
        _facts(
            "water=H2O; table salt=NaCl; carbon dioxide=CO2; methane=CH4; ammonia=NH3; ozone=O3"
        ),
        "hard",
    ),
    Family(
        "eater",
        (
            "What does a {x} mainly eat?",
            "What is the main food of a {x}?",
            "On which food does a {x} live?",
        ),
        ("The diet of a {x} consists of what?", "Name the staple diet of a {x}."),
        "A {x} mainly eats {y}.",
        _facts(
            "giant panda=bamboo; koala=eucalyptus leaves; anteater=ants; squirrel=nuts; "
            "blue whale=krill; silkworm=mulberry leaves; hummingbird=nectar; rabbit=grass; "
            "earthworm=dead leaves"
        ),
        "easy",
    ),
    Family(
        "home",
        (
            "What is the home of a {x} called?",
            "Where does a {x} live?",
            "What do we call the place in which a {x} lives?",
        ),
        ("A {x} builds or seeks what dwelling?", "Name the dwelling of a {x}."),
        "The home of a {x} is a {y}.",
        _facts(
            "honeybee=hive; bird=nest; rabbit in the wild=burrow; fox=den; spider=web; beaver=lodge"
        ),
        "very easy",
    ),
    Family(
        "gas",
        (
            "Which gas {x}?",
            "What is the name of the gas that {x}?",
            "Which invisible gas {x}?",
        ),
        ("Name the gas that {x}.", "One gas {x}; identify it."),
        "The gas that {x} is {y}.",
        _facts(
            "feeds photosynthesis in plants=carbon dioxide; keeps us alive as we breathe=oxygen; "
            "fills most of the air=nitrogen; makes party balloons float=helium; "
            "shields us from ultraviolet light=ozone; is the lightest of all=hydrogen"
        ),
        "medium",
    ),
    Family(
        "constant",
        (
            "What is the number of {x}?",
            "Can you tell me the number of {x}?",
            "How large is the number of {x}?",
        ),
        ("Count the {x}.", "The {x}, how many are there exactly?"),
        "The number of {x} is {y}.",
        _facts(
            "legs of a spider=8; legs of an insect=6; planets around the Sun=8; "
            "chambers of the human heart=4; arms of an octopus=8; minutes in an hour=60; "
            "bones in an adult human=206; days in a leap year=366; moons of the Earth=1"
        ),
        "easy",
    ),
)

# (what is compared, statement, things from most to least)
SCALES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "larger",
        "Which planet is larger, {a} or {b}?",
        "{y} is larger than {z}.",
        ("Jupiter", "Saturn", "Uranus", "Neptune", "Earth", "Venus", "Mars", "Mercury"),
    ),
    (
        "faster",
        "Which animal runs faster, a {a} or a {b}?",
        "A {y} is faster than a {z}.",
        ("cheetah", "horse", "rabbit", "pig", "chicken", "tortoise", "snail"),
    ),
    (
        "heavier",
        "Which animal is heavier, a {a} or a {b}?",
        "A {y} is heavier than a {z}.",
        ("blue whale", "elephant", "rhino", "camel", "wolf", "badger", "mouse", "bee"),
    ),
    (
        "denser",
        "Which material is denser, {a} or {b}?",
        "{y} is denser than {z}.",
        ("gold", "lead", "copper", "iron", "glass", "water", "cork"),
    ),
    (
        "harder",
        "Which material is harder, {a} or {b}?",
        "{y} is harder than {z}.",
        ("diamond", "steel", "marble", "chalk", "butter"),
    ),
)
