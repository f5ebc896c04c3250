"""Word tables shared by the generators: names, places and small objects."""


def word_table(table: str) -> tuple[str, ...]:
    """The words of a table written as one string."""
    return tuple(table.split())


NAMES = word_table(
    "Mira Tomas Ada Noor Felix Ines Kofi Yuki Lena Omar Petra Hugo Zara Ivan Maya Leo Sana Erik "
    "Rosa Amir Greta Paulo Nina Jonas Leila Marco Tara Simon Freya Dario Hana Viktor Carla Elif "
    "Oscar Priya Luca Selma Rafael Anouk Bruno Chloe Darius Emil Fatima Gwen Henrik Iris Jamal "
    "Kira Lionel Mabel Nils Olga Pablo Quinn Rhea Stefan Talia Umar"
)

PLACES = word_table(
    "Lisbon Oslo Cairo Lima Kyoto Dublin Nairobi Prague Quito Hanoi Athens Tunis Bergen Seville "
    "Zagreb Porto Accra Riga Osaka Malmo Bogota Tallinn Geneva Havana Krakow Naples Dakar Vienna "
    "Cusco Busan Ghent Perth Salta Izmir Turin Malaga Leeds Basel Odense Tampere"
)

OBJECTS = word_table(
    "shells stamps marbles buttons pebbles candles ribbons postcards acorns badges crayons beads "
    "magnets feathers coins stickers puzzles lanterns bracelets kites pencils notebooks tulips "
    "lemons walnuts plums carrots muffins waffles pretzels mugs spoons baskets scarves mittens "
    "balloons dominoes medals puppets whistles"
)

BENCHMARK_NAMES = word_table("Arvid Bettina Cosmo Delphine Edgar Flora Gideon Hilda Isidor Juno")

BENCHMARK_OBJECTS = word_table(
    "telescopes violins helmets anchors compasses paddles saddles cacti turbines robots drums "
    "blankets ladders hammers ropes tents"
)
