"""Phrase tables of the instruction and chat problems.

No phrase holds a comma or one of `instruction_problems.FORBIDDEN`, so that answers made of them
satisfy those constraints as they are.
"""

from typing import NamedTuple


class Topic(NamedTuple):
    """A thing to describe: what it is like, where to find it and why people like it."""

    name: str
    trait: str
    where: str
    why: str


class Activity(NamedTuple):
    """Something to do, as a gerund, with two pieces of advice in the imperative."""

    name: str
    first: str
    second: str


_TOPICS = """
green tea|warm and a little bitter|in a kettle|it calms the mind
the moon|bright and silent|above the roofs at night|it lights the dark
chess|a quiet fight of minds|on a wooden board|every move counts
honey|golden and sweet|in a jar of wax|bees make it with care
snow|soft and cold|on winter hills|it covers the noise
the ocean|deep and restless|beyond the dunes|its waves never stop
jazz|free and playful|in small night clubs|no song sounds the same
a lighthouse|tall and patient|on a rocky coast|it guides ships home
chocolate|dark and rich|in a sweet shop|it melts on the tongue
the desert|dry and wide|between far mountains|its silence is grand
a bicycle|simple and quick|in most garages|it needs no fuel
rain|gentle and grey|under low clouds|it feeds the fields
a violin|small and bright|in an orchestra|it can sing and cry
bamboo|strong and light|in humid forests|it grows so fast
a volcano|hot and wild|near the edge of plates|it shows the power of the earth
cheese|salty and old|in cool cellars|each village has its own
the circus|loud and colourful|in a striped tent|clowns make them laugh
a cactus|thorny and tough|in dry sand|it lives with little water
the piano|black and white|in a concert hall|ten fingers fill a room
a glacier|slow and blue|in high valleys|it carves the rock
soup|hot and filling|in a big pot|it warms cold hands
a kite|light and lively|on a windy beach|it dances in the sky
a library|calm and full|in the middle of town|stories wait on its shelves
the tiger|striped and proud|in the jungle|its steps make no sound
a bakery|early and fragrant|at the street corner|the bread is fresh
the owl|wise and sleepy|in an old tree|it sees at night
pottery|slow and muddy|in a bright workshop|clay forgives mistakes
a waterfall|loud and misty|at the end of a canyon|its spray cools the face
the guitar|round and friendly|around a campfire|few chords make a song
a rainbow|short and colourful|after the storm|it has all the colours
cinnamon|brown and spicy|in winter cakes|it smells of holidays
the train|steady and long|on iron rails|the view keeps changing
a castle|old and stony|on a steep hill|knights once lived there
the dolphin|clever and quick|in warm bays|it jumps for joy
origami|neat and silent|on a sheet of paper|one fold leads to a bird
a mango|juicy and orange|on a tropical tree|it tastes of summer
the library cat|lazy and furry|between two shelves|it purrs for readers
a marathon|long and tough|on closed streets|strangers cheer them on
fog|pale and thick|over the river|it hides the world
the sunflower|yellow and tall|in open fields|it follows the light
a robot|precise and tireless|in a factory|it lifts heavy parts
ballet|strict and graceful|on a dark stage|bodies tell a story
the compass|small and honest|in a sailor's pocket|it points north
a puppet|wooden and funny|behind a red curtain|it moves like magic
the igloo|round and white|on the frozen plain|snow keeps it warm
pepper|sharp and black|in a small mill|it wakes up a dish
a telescope|long and shiny|on a mountain top|it brings stars closer
the harbour|busy and salty|where the river ends|boats come from everywhere
a butterfly|bright and fragile|above the meadow|it began as a caterpillar
the tango|slow and fierce|in old dance halls|two people move as one
a pumpkin|round and heavy|in an autumn garden|it becomes a lantern
the subway|fast and crowded|under the city|it beats the traffic
lavender|purple and calm|on southern slopes|its scent brings sleep
a drum|loud and simple|in a marching band|the beat moves their feet
the elephant|huge and gentle|near a water hole|it never forgets
a sandcastle|proud and brief|at low tide|children build it together
the theatre|dark and hopeful|behind heavy doors|the actors are so close
an avocado|green and creamy|on toasted bread|it is mild and rich
a campfire|warm and crackling|in a forest camp|friends sit around it
the clock tower|tall and exact|on the market square|its bell marks the hours
"""

_ACTIVITIES = """
baking bread|let the dough rest for an hour|bake it until the crust is brown
learning guitar|start with three easy chords|play ten minutes a day
growing tomatoes|give the plants full sun|water the roots every morning
running a race|begin at an easy pace|drink water before the start
moving house|label all the boxes|pack the kitchen last
writing a diary|keep the book by the bed|note one small thing each night
training a puppy|reward it with small treats|keep the lessons short
painting a room|cover the floor first|use a roller for the walls
cooking rice|rinse the grains well|let it steam with the lid on
packing for a hike|take a rain jacket|put the heavy things low
studying for exams|make a list of topics|test yourself with cards
sleeping better|turn off screens early|keep the room dark and cool
saving money|write down each expense|put a little aside on payday
hosting a dinner|choose dishes you know|set the table early
learning to swim|practise floating first|breathe out under water
fixing a flat tyre|find the hole with soapy water|press the patch on firmly
taking photos|look for soft light|hold the camera still
planting a tree|dig a wide hole|water it through the first summer
speaking in public|practise in front of a mirror|look at friendly faces
making coffee|grind the beans fresh|use water just below boiling
riding a horse|sit tall and relax|guide it with calm hands
knitting a scarf|pick thick soft wool|count the stitches in each row
camping by a lake|put the tent on high ground|store food away from animals
choosing a gift|think of what they enjoy|add a note by hand
cleaning the kitchen|clear the counters first|wipe from top to bottom
learning Spanish|learn five words a day|listen to simple songs
keeping a goldfish|use a large tank|change part of the water weekly
flying with a baby|bring a favourite toy|feed the baby during take-off
drawing faces|start with an oval|place the eyes halfway down
building a snowman|roll three big balls|find a carrot for the nose
watching birds|wear quiet colours|bring a pair of binoculars
fishing in a river|stand where the water is slow|wait without a sound
meeting new neighbours|bring a small cake|ask about the street
starting a band|find friends who keep time|learn one song together
visiting a museum|pick two rooms only|rest between them
playing chess|control the centre|castle your king early
making soup|fry the onions slowly|add salt at the end
brushing a cat|choose a soft brush|stop when the tail twitches
sailing a small boat|check the wind first|wear a life jacket
doing yoga|unroll a mat in a quiet room|hold each pose for five breaths
organising photos|delete the blurry ones|sort the rest by year
surfing big waves|stay behind the break and watch|stand up in one move
commuting by bike|plan a quiet route|wear a bright vest
hanging pictures|measure from the floor|mark the nail with a pencil
picking mushrooms|go with an expert|leave what you do not know
ironing shirts|begin with the collar|use a little steam
raising chickens|build a dry coop|collect the eggs each day
singing in a choir|warm up your voice|listen to the person beside you
making candles|melt the wax slowly|keep the wick in the middle
dancing at a wedding|wear shoes that fit|follow the beat with your feet
learning to type|keep your eyes on the screen|use all ten fingers
brewing ginger tea|slice the root thin|let it steep for ten minutes
skating on ice|bend your knees|fall to the side if you must
decorating a cake|let the cake cool|spread the icing with a wet knife
reading to children|use a funny voice for each hero|let them turn the pages
repairing a chair|glue the loose joints|clamp it for one night
waiting at an airport|bring a long book|walk a little each hour
joining a book club|read with a pencil|bring one good question
caring for roses|cut them back in spring|feed the soil twice a year
stargazing on a hill|take a warm blanket|wait until your eyes adapt
"""

TOPICS = tuple(Topic(*line.split("|")) for line in _TOPICS.strip().splitlines())
ACTIVITIES = tuple(Activity(*line.split("|")) for line in _ACTIVITIES.strip().splitlines())
