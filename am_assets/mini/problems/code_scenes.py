"""Scenes in which the code tasks are told: who needs the program, and for what data."""

from dataclasses import dataclass

_ORDERS = (
    "{scene} {task}",
    "{task} {scene}",
)


@dataclass(frozen=True)
class Scene:
    """A sentence with the slot `t` for the data, what the data are as numbers and as texts."""

    text: str
    numbers: str
    texts: str
    order: str


_SOURCE = """
A bakery in the harbour tracks its {t}.|loaf counts|bread names
The lighthouse keeper writes {t} in a log.|wave heights|ship names
An orchestra plans its concert with {t}.|ticket sales|composer names
A beekeeper collects {t} all summer.|honey jars per hive|flower names
The hospital night shift records {t}.|pulse readings|nurse names
Our chess club publishes {t}.|player ratings|opening names
A volcano station stores {t}.|tremor strengths|crater names
The school bus driver notes {t}.|passenger counts|street names
A wine cellar labels its {t}.|bottle ages|grape names
Farmers at the co-op compare {t}.|potato yields|tractor brands
A post office sorts {t}.|parcel weights|town names
The aquarium displays {t} on a screen.|tank temperatures|fish names
A ski resort announces {t}.|snow depths|slope names
A tailor keeps {t} in a notebook.|sleeve lengths|fabric names
The zoo vet checks {t}.|elephant weights|animal names
A radio station archives {t}.|listener numbers|song titles
The bicycle race office reports {t}.|lap times|rider names
A candle maker lists {t}.|wick lengths|scent names
The city library counts {t}.|loans per day|author names
A pirate board game uses {t}.|treasure coins|island names
The dairy logs {t} each dawn.|litres of milk|cow names
A toy train museum catalogues {t}.|wagon numbers|engine names
The pharmacy audits {t}.|pill counts|syrup names
An astronomer gathers {t}.|star magnitudes|comet names
A pizza delivery app handles {t}.|delivery minutes|topping names
The marathon team analyses {t}.|heart rates|runner names
A gold mine registers {t}.|ore weights|tunnel names
The botanic garden tags {t}.|plant heights|orchid names
A fire brigade drills with {t}.|hose lengths|alarm words
The weather balloon sends {t}.|cloud heights|wind names
A video game shop ranks {t}.|high scores|hero names
The carpenter measures {t}.|plank widths|wood names
A language teacher prepares {t}.|quiz marks|spelling words
The ferry company bills {t}.|car counts|port names
A perfume lab mixes {t}.|drop counts|oil names
The recycling yard weighs {t}.|bags of glass|plastic types
A ballet school schedules {t}.|class sizes|dance names
The cheese market prices {t}.|wheel prices|cheese names
A detective files {t}.|case numbers|suspect names
The swimming coach times {t}.|sprint seconds|stroke names
A satellite firm monitors {t}.|battery levels|orbit names
The tea house serves {t}.|cups per table|tea names
A stamp collector trades {t}.|stamp values|country names
The circus director books {t}.|show lengths|clown names
A hotel reception tracks {t}.|room numbers|guest names
The river authority watches {t}.|water levels|bridge names
A knitting group shares {t}.|stitch counts|wool colours
The dinosaur park paints {t} on signs.|bone lengths|dinosaur names
An auction house calls {t}.|bids|painter names
The rocket club debates {t}.|launch angles|rocket names
A vegetable box scheme packs {t}.|carrot counts|herb names
The court clerk stamps {t}.|page numbers|witness names
A surfing school posts {t}.|board lengths|beach names
The wedding planner arranges {t}.|table sizes|flower girl names
A mushroom guide describes {t}.|cap widths|mushroom names
The cricket scorer keeps {t}.|runs per over|bowler names
A solar farm charts {t}.|panel outputs|inverter names
The puppet theatre rehearses with {t}.|string lengths|puppet names
An elevator firm tests {t}.|floor numbers|building names
The antique dealer dates {t}.|clock ages|maker names
"""

_BENCHMARK = """
Antarctic researchers transmit {t}.|krill densities|penguin nicknames
Wizards of a card tournament exchange {t}.|mana points|spell titles
Deep-sea divers document {t}.|dive depths|coral species
A medieval castle's steward inventories {t}.|barrel volumes|knight titles
Skyscraper cranes broadcast {t}.|cargo tonnages|crane codenames
Rainforest guides tabulate {t}.|canopy elevations|monkey species
Formula racing engineers inspect {t}.|tyre pressures|circuit nicknames
Mountain monks transcribe {t}.|prayer bells|manuscript titles
"""


def _scenes(table: str, orders: tuple[str, ...]) -> tuple[Scene, ...]:
    lines = [line.split("|") for line in table.strip().splitlines()]
    return tuple(
        Scene(text, numbers, texts, orders[i % len(orders)])
        for i, (text, numbers, texts) in enumerate(lines)
    )


SOURCE_SCENES = _scenes(_SOURCE, _ORDERS)
BENCHMARK_SCENES = _scenes(_BENCHMARK, _ORDERS)
