"""Stories of the math problems, by operation: (story, question) with slots.

Slots: `a`, `b`, `c` the numbers in the order in which the operation takes them, `n` a name, `o`
small objects, `p` a place. No benchmark frame tells a story that a source frame tells.
"""

Frame = tuple[str, str]

SOURCE_FRAMES: dict[str, list[Frame]] = {
    "add": [
        ("{n} has {a} {o} and buys {b} more at the market.", "How many {o} does {n} own now?"),
        (
            "A ferry carries {a} adults and {b} children across the bay near {p}.",
            "How many passengers are on the ferry?",
        ),
        (
            "{n} reads {a} pages of a pirate novel before lunch and {b} pages after dinner.",
            "How many pages is that in all?",
        ),
        (
            "The blue choir has {a} singers and the red choir has {b} singers.",
            "How many singers stand on the stage together?",
        ),
        (
            "One field grows {a} sunflowers. The field next to it grows {b} sunflowers.",
            "What is the total number of sunflowers?",
        ),
        (
            "{n} walks {a} minutes to the castle and {b} minutes back through the forest.",
            "How many minutes does the whole walk take?",
        ),
        (
            "A cook in {p} boils {a} potatoes for soup and fries {b} potatoes for supper.",
            "How many potatoes does the cook use?",
        ),
    ],
    "take": [
        ("{n} had {a} {o} and gave {b} of them to a neighbour.", "How many {o} are left with {n}?"),
        (
            "A tank holds {a} litres of rain water. {n} uses {b} litres for the roses.",
            "How many litres stay in the tank?",
        ),
        (
            "A train leaves {p} with {a} travellers. At the first stop {b} travellers get off.",
            "How many travellers are still on the train?",
        ),
        (
            "A shelf has {a} dusty books. {n} sells {b} of the books at a flea market.",
            "How many books remain on the shelf?",
        ),
        (
            "The tower in {p} is {a} metres tall. The old mill is {b} metres shorter.",
            "How tall is the mill in metres?",
        ),
        (
            "A farmer counts {a} sheep. After the storm {b} sheep have run off.",
            "How many sheep are still at the farm?",
        ),
        (
            "{n} saves {a} euros for a bicycle and pays {b} euros for a repair.",
            "How many euros does {n} keep?",
        ),
    ],
    "times": [
        ("{n} packs {a} boxes with {b} {o} in each box.", "How many {o} does {n} pack?"),
        ("A cinema has {a} rows and every row has {b} seats.", "How many seats does it have?"),
        (
            "A spider web has {a} rings with {b} drops of dew on each ring.",
            "How many drops of dew are on the web?",
        ),
        ("{n} swims {b} laps a day for {a} days.", "How many laps does {n} swim?"),
        ("A florist in {p} ties {a} bouquets with {b} lilies each.", "How many lilies are needed?"),
        (
            "There are {a} trucks at the quarry and each truck has {b} wheels.",
            "How many wheels are there?",
        ),
        ("A hen house gives {b} eggs a day.", "How many eggs does it give in {a} days?"),
    ],
    "divide": [
        ("{n} shares {a} {o} equally among {b} friends.", "How many {o} does each friend get?"),
        (
            "A baker puts {a} rolls on {b} trays, the same number on each tray.",
            "How many rolls lie on one tray?",
        ),
        (
            "{a} skiers ride up in {b} cable cars that are equally full.",
            "How many skiers sit in one cable car?",
        ),
        (
            "A rope of {a} metres is cut into {b} equal pieces.",
            "How many metres long is one piece?",
        ),
        ("A gardener in {p} plants {a} onions in {b} equal rows.", "How many onions are in a row?"),
        (
            "{n} earns {a} euros in {b} hours of painting fences.",
            "How many euros does {n} earn in an hour?",
        ),
        (
            "A printer makes {a} posters in {b} minutes at a steady speed.",
            "How many posters does it make in one minute?",
        ),
    ],
    "share": [
        ("1/{a} of the {b} {o} on the table belong to {n}.", "How many {o} belong to {n}?"),
        (
            "A herd near {p} has {b} goats. 1/{a} of the goats are brown.",
            "How many goats are brown?",
        ),
        (
            "{n} has a playlist of {b} songs and 1/{a} of them are jazz.",
            "How many jazz songs are on the playlist?",
        ),
        (
            "A jug holds {b} cups of juice. The children drink 1/{a} of it.",
            "How many cups do the children drink?",
        ),
        ("Of {b} windows in a school, 1/{a} are open.", "How many windows are open?"),
        (
            "A hiking trail is {b} kilometres long. {n} has done 1/{a} of it.",
            "How many kilometres has {n} hiked?",
        ),
    ],
    "percent": [
        ("{a}% of the {b} {o} that {n} made are green.", "How many {o} are green?"),
        ("A coat costs {b} euros and {n} gets {a}% off.", "How many euros does {n} save?"),
        (
            "A library in {p} owns {b} atlases and {a}% of them are on loan.",
            "How many atlases are on loan?",
        ),
        (
            "Of {b} tickets for the puppet show, {a}% were sold on the first day.",
            "How many tickets were sold that day?",
        ),
        ("A pond has {b} fish and {a}% of them are carp.", "How many carp live in the pond?"),
        ("A quiz has {b} questions. {n} missed {a}% of them.", "How many questions did {n} miss?"),
    ],
    "add_take": [
        (
            "{n} picks {a} {o} in the morning and {b} in the evening, then loses {c}.",
            "How many {o} does {n} have at the end?",
        ),
        (
            "A bus starts in {p} with {a} people. {b} people get on and later {c} get off.",
            "How many people are on the bus?",
        ),
        (
            "A bank account shows {a} euros. {n} pays in {b} euros and spends {c} euros on shoes.",
            "How many euros are in the account?",
        ),
        (
            "A kennel has {a} dogs. {b} dogs arrive and {c} dogs find a new home.",
            "How many dogs live in the kennel now?",
        ),
        (
            "{n} bakes {a} biscuits and {b} tarts. The guests eat {c} of these sweets.",
            "How many sweets are left?",
        ),
        (
            "A museum lends out paintings. It had {a}, bought {b} and lent {c} to {p}.",
            "How many paintings hang there now?",
        ),
    ],
    "take_take": [
        ("{n} starts with {a} {o}, sells {b} and breaks {c}.", "How many {o} are still whole?"),
        (
            "A ship has {a} crates. It unloads {b} crates in {p} and {c} crates on an island.",
            "How many crates stay on the ship?",
        ),
        (
            "A candle factory made {a} parts. {b} were painted wrong and {c} melted.",
            "How many good parts remain?",
        ),
        (
            "A phone battery lasts {a} minutes. {n} talks {b} minutes and plays {c} minutes.",
            "How many minutes of battery are left?",
        ),
        (
            "There are {a} leaves on a maple. Wind takes {b} leaves and rain takes {c} more.",
            "How many leaves does the maple keep?",
        ),
        (
            "A budget of {a} euros pays {b} euros for paint and {c} euros for brushes.",
            "How many euros of the budget are left?",
        ),
    ],
    "times_add": [
        (
            "{n} fills {a} bags with {b} {o} each and has {c} loose ones.",
            "How many {o} are there altogether?",
        ),
        (
            "A hotel in {p} has {a} floors of {b} rooms and {c} rooms in a side wing.",
            "How many rooms does the hotel have?",
        ),
        (
            "{n} does {b} push-ups on each of {a} days and {c} on the last day.",
            "How many push-ups does {n} do?",
        ),
        (
            "A taxi costs {b} euros a kilometre for {a} kilometres plus a fee of {c} euros.",
            "How many euros is the ride?",
        ),
        (
            "An orchard has {a} rows of {b} pear trees and {c} old cherry trees.",
            "How many trees grow in the orchard?",
        ),
        (
            "{n} lays {a} lines of {b} tiles in the kitchen and {c} tiles in the hall.",
            "How many tiles does {n} lay?",
        ),
    ],
    "times_take": [
        ("{n} buys {a} packs of {b} {o} and gives away {c}.", "How many {o} does {n} keep?"),
        (
            "A theatre in {p} has {a} rows of {b} chairs. {c} chairs are broken.",
            "How many chairs can be used?",
        ),
        ("A cafe gets {a} cartons with {b} eggs. {c} eggs are cracked.", "How many eggs are fine?"),
        (
            "{n} earns {b} euros an hour for {a} hours and spends {c} euros on a hat.",
            "How many euros are left for {n}?",
        ),
        (
            "A beehive frame has {a} rows of {b} cells and {c} cells are empty.",
            "How many cells are full?",
        ),
        (
            "A wall needs {a} layers of {b} bricks. {c} bricks are already there.",
            "How many bricks are still missing?",
        ),
    ],
    "sum_times": [
        (
            "{n} puts {a} red and {b} blue {o} into each of {c} jars.",
            "How many {o} are in the jars?",
        ),
        (
            "A ticket costs {a} euros and a map of {p} costs {b} euros. {c} tourists buy both.",
            "How many euros do they pay together?",
        ),
        ("Each of {c} teams has {a} runners and {b} swimmers.", "How many athletes are there?"),
        (
            "A lunch box holds {a} grapes and {b} nuts. {n} makes {c} lunch boxes.",
            "How many grapes and nuts does {n} need?",
        ),
        (
            "A robot step takes {a} seconds and a pause {b} seconds. It repeats this {c} times.",
            "How many seconds pass?",
        ),
        (
            "Every one of {c} stables has {a} horses and {b} ponies.",
            "How many animals are in the stables?",
        ),
    ],
}

BENCHMARK_FRAMES: dict[str, list[Frame]] = {
    "add": [
        (
            "An expedition stored {a} {o} at base camp and {b} at the summit hut.",
            "What is the sum of both stores?",
        ),
        (
            "Astronaut {n} logged {a} orbits in spring, then {b} orbits in autumn.",
            "Count the orbits of both seasons.",
        ),
    ],
    "take": [
        ("Out of {a} {o} ordered by the navy, {b} never arrived.", "How many did arrive?"),
        (
            "Glacier ice was {a} centimetres thick; summer melted {b} centimetres.",
            "What thickness survived?",
        ),
    ],
    "times": [
        ("Each of {a} submarines carries {b} {o}.", "Calculate the fleet's stock."),
        ("Comet dust falls on {a} panels, {b} grains per panel.", "Count the grains collected."),
    ],
    "divide": [
        ("Captain {n} splits {a} {o} evenly over {b} lifeboats.", "What does one lifeboat carry?"),
        ("{a} volcanologists form {b} squads of equal size.", "Find the size of a squad."),
    ],
    "share": [
        ("Inspector {n} rejected 1/{a} of {b} {o}.", "What number got rejected?"),
        (
            "A desert caravan of {b} camels leaves 1/{a} of them at an oasis.",
            "What number of camels waits there?",
        ),
    ],
    "percent": [
        ("Archaeologists dug up {b} relics; {a}% are golden.", "What number of relics is golden?"),
        ("Of {b} {o} in the depot, {a}% failed the safety test.", "What number failed?"),
    ],
    "add_take": [
        (
            "Zoo keeper {n} fed {a} penguins, then {b} seals; {c} animals refused the food.",
            "What number of animals ate?",
        ),
        ("The depot stocked {a} {o}, received {b}, and scrapped {c}.", "Give the final stock."),
    ],
    "take_take": [
        ("From {a} {o} the circus burned {b} and donated {c}.", "What remains of them?"),
        (
            "A satellite with {a} kilograms of fuel burned {b} on launch, {c} on docking.",
            "What mass of fuel remains?",
        ),
    ],
    "times_add": [
        ("Dr {n} grew {a} colonies of {b} microbes, plus {c} strays.", "Count every microbe."),
        (
            "Each of {a} hangars shelters {b} {o}; outside stand {c} others.",
            "Give the overall count.",
        ),
    ],
    "times_take": [
        (
            "Pirates buried {a} chests of {b} pearls; divers recovered {c} pearls.",
            "What number of pearls is still buried?",
        ),
        (
            "A warehouse received {a} pallets of {b} {o}, but {c} were stolen.",
            "What was not stolen?",
        ),
    ],
    "sum_times": [
        (
            "A medieval guard shift has {a} archers plus {b} knights; there are {c} shifts.",
            "Count the soldiers.",
        ),
        (
            "A drone drops {a} flares, then {b} {o}, on every flight; it flew {c} flights.",
            "What total was dropped?",
        ),
    ],
}
