//! The words of the synthetic corpora.

/// An animal and what is always true of it.
pub(super) struct Animal {
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    /// The sound, as a verb in the plural.
    pub(super) sound: &'static str,
    pub(super) home: &'static str,
    pub(super) food: &'static str,
    pub(super) looks: &'static str,
}

/// A craft and what is always true of it.
pub(super) struct Craft {
    pub(super) one: &'static str,
    /// What they do, as a verb in the plural.
    pub(super) does: &'static str,
    pub(super) to: &'static str,
    pub(super) place: &'static str,
    pub(super) tool: &'static str,
}

/// A season and what is always true of it.
pub(super) struct Season {
    pub(super) name: &'static str,
    pub(super) weather: &'static str,
    /// A thing of the season, in the plural.
    pub(super) thing: &'static str,
    /// What it does, as a verb in the plural.
    pub(super) thing_does: &'static str,
    pub(super) wear: &'static str,
}

/// A thing and what it is made of and good for.
pub(super) struct Thing {
    pub(super) one: &'static str,
    pub(super) material: &'static str,
    pub(super) colour: &'static str,
    pub(super) room: &'static str,
}

const fn animal([one, many, sound, home, food, looks]: [&'static str; 6]) -> Animal {
    Animal {
        one,
        many,
        sound,
        home,
        food,
        looks,
    }
}

const fn craft([one, does, to, place, tool]: [&'static str; 5]) -> Craft {
    Craft {
        one,
        does,
        to,
        place,
        tool,
    }
}

const fn season([name, weather, thing, thing_does, wear]: [&'static str; 5]) -> Season {
    Season {
        name,
        weather,
        thing,
        thing_does,
        wear,
    }
}

const fn thing([one, material, colour, room]: [&'static str; 4]) -> Thing {
    Thing {
        one,
        material,
        colour,
        room,
    }
}

pub(super) const ANIMALS: [Animal; 16] = [
    animal(["dog", "dogs", "bark", "kennel", "bones", "brown"]),
    animal(["cat", "cats", "purr", "basket", "fish", "soft"]),
    animal(["cow", "cows", "moo", "meadow", "grass", "heavy"]),
    animal(["horse", "horses", "neigh", "stable", "hay", "tall"]),
    animal(["duck", "ducks", "quack", "pond", "bread", "wet"]),
    animal(["hen", "hens", "cluck", "coop", "corn", "round"]),
    animal(["wolf", "wolves", "howl", "forest", "meat", "grey"]),
    animal(["mouse", "mice", "squeak", "hole", "cheese", "tiny"]),
    animal(["bear", "bears", "growl", "cave", "honey", "strong"]),
    animal(["frog", "frogs", "croak", "marsh", "flies", "green"]),
    animal(["owl", "owls", "hoot", "tower", "beetles", "wise"]),
    animal(["pig", "pigs", "grunt", "sty", "turnips", "pink"]),
    animal(["snake", "snakes", "hiss", "desert", "eggs", "long"]),
    animal(["lion", "lions", "roar", "valley", "deer", "proud"]),
    animal(["bird", "birds", "sing", "nest", "seeds", "light"]),
    animal(["goat", "goats", "bleat", "mountain", "leaves", "thin"]),
];

pub(super) const CRAFTS: [Craft; 12] = [
    craft(["baker", "bake", "cakes", "bakery", "oven"]),
    craft(["farmer", "grow", "potatoes", "field", "plough"]),
    craft(["teacher", "read", "books", "school", "chalk"]),
    craft(["doctor", "heal", "patients", "hospital", "needle"]),
    craft(["painter", "draw", "pictures", "studio", "brush"]),
    craft(["pilot", "fly", "planes", "airport", "compass"]),
    craft(["gardener", "water", "flowers", "garden", "spade"]),
    craft(["sailor", "steer", "boats", "harbour", "rope"]),
    craft(["cook", "boil", "soups", "kitchen", "spoon"]),
    craft(["tailor", "sew", "shirts", "shop", "thread"]),
    craft(["miner", "dig", "coal", "mine", "lamp"]),
    craft(["carpenter", "build", "chairs", "workshop", "hammer"]),
];

pub(super) const SEASONS: [Season; 4] = [
    season(["winter", "cold", "lakes", "freeze", "gloves"]),
    season(["spring", "mild", "buds", "open", "boots"]),
    season(["summer", "hot", "berries", "ripen", "sandals"]),
    season(["autumn", "windy", "acorns", "fall", "scarves"]),
];

pub(super) const THINGS: [Thing; 10] = [
    thing(["table", "wood", "dark", "parlour"]),
    thing(["window", "glass", "clear", "hall"]),
    thing(["knife", "steel", "sharp", "drawer"]),
    thing(["ring", "gold", "yellow", "box"]),
    thing(["blanket", "wool", "warm", "bedroom"]),
    thing(["brick", "clay", "red", "wall"]),
    thing(["letter", "paper", "white", "desk"]),
    thing(["candle", "wax", "bright", "chapel"]),
    thing(["coin", "silver", "shiny", "purse"]),
    thing(["saddle", "leather", "black", "barn"]),
];

/// Nouns whose plural follows the rules.
pub(super) const NOUNS: [&str; 190] = [
    "apple", "arm", "army", "baby", "bag", "ball", "bank", "beach", "bed", "bell", "bench",
    "berry", "bike", "boat", "book", "bottle", "box", "boy", "branch", "bridge", "brush", "bus",
    "bush", "button", "cake", "calf", "camera", "car", "card", "castle", "chain", "chair",
    "cherry", "church", "circle", "city", "class", "clock", "cloud", "coach", "coat", "copy",
    "corner", "country", "cross", "crown", "cup", "daisy", "day", "desk", "diary", "dish", "door",
    "dream", "dress", "drum", "echo", "elf", "engine", "eye", "face", "factory", "family", "farm",
    "feather", "fence", "ferry", "field", "finger", "flag", "flower", "fly", "forest", "fork",
    "fox", "friend", "game", "garden", "gate", "gift", "glass", "glove", "guess", "half", "hammer",
    "hand", "hat", "heart", "hero", "hill", "house", "island", "jacket", "jar", "jelly", "judge",
    "key", "king", "kiss", "kite", "knife", "lady", "lake", "lamp", "leaf", "lens", "letter",
    "library", "life", "line", "loaf", "lunch", "machine", "map", "market", "match", "memory",
    "mirror", "moon", "mosquito", "mountain", "nail", "name", "needle", "nest", "night", "nurse",
    "ocean", "onion", "orange", "page", "party", "patch", "path", "peach", "pencil", "penny",
    "picture", "plate", "pocket", "poppy", "potato", "prize", "puppy", "queen", "question", "ring",
    "river", "road", "room", "rope", "rose", "sandwich", "scarf", "school", "shelf", "ship",
    "shoe", "sky", "song", "spoon", "spy", "star", "stitch", "stone", "story", "street", "table",
    "tax", "thief", "ticket", "tomato", "torch", "tower", "toy", "train", "tray", "tree", "valley",
    "village", "voice", "wall", "watch", "wheel", "wife", "window", "wing", "wish", "witch",
    "wolf",
];

/// Nouns whose plural is an exception.
pub(super) const IRREGULAR_NOUNS: [(&str, &str); 12] = [
    ("child", "children"),
    ("deer", "deer"),
    ("fish", "fish"),
    ("foot", "feet"),
    ("goose", "geese"),
    ("man", "men"),
    ("mouse", "mice"),
    ("ox", "oxen"),
    ("person", "people"),
    ("sheep", "sheep"),
    ("tooth", "teeth"),
    ("woman", "women"),
];

/// Verbs whose past tense follows the rules.
pub(super) const VERBS: [&str; 118] = [
    "add", "agree", "answer", "arrive", "ask", "bake", "boil", "brush", "bury", "call", "carry",
    "change", "clap", "clean", "climb", "close", "cook", "copy", "cough", "count", "cross", "cry",
    "dance", "drag", "drop", "dry", "empty", "enjoy", "explain", "fill", "fix", "float", "fold",
    "follow", "fry", "gather", "grab", "greet", "guess", "hate", "help", "hop", "hope", "hug",
    "hunt", "hurry", "invite", "jog", "join", "joke", "jump", "kick", "kiss", "knock", "land",
    "laugh", "learn", "lift", "like", "listen", "live", "lock", "look", "love", "marry", "measure",
    "miss", "mix", "move", "nod", "notice", "open", "order", "pack", "paint", "park", "plan",
    "plant", "play", "point", "pour", "pull", "push", "rain", "reach", "reply", "rest", "rub",
    "sail", "save", "shout", "skip", "slip", "smile", "sneeze", "stay", "step", "stop", "study",
    "taste", "thank", "tidy", "touch", "trust", "try", "turn", "twist", "visit", "wait", "walk",
    "wash", "waste", "watch", "whisper", "wink", "wonder", "work", "worry",
];

/// Verbs whose past tense is an exception.
pub(super) const IRREGULAR_VERBS: [(&str, &str); 16] = [
    ("begin", "began"),
    ("bring", "brought"),
    ("come", "came"),
    ("drink", "drank"),
    ("eat", "ate"),
    ("find", "found"),
    ("give", "gave"),
    ("go", "went"),
    ("know", "knew"),
    ("make", "made"),
    ("run", "ran"),
    ("see", "saw"),
    ("sing", "sang"),
    ("sleep", "slept"),
    ("take", "took"),
    ("write", "wrote"),
];
