"""Talk without a picture, what lies beyond the domain, and joining the pages of a document."""

from __future__ import annotations

from random import Random

from engine.demo.data import reading
from engine.demo.data.canvas import Question
from engine.demo.data.words import LANGUAGES, Language

_SKILLS = {
    "en": "Ask me about simple shapes, bar charts, short printed lines or short videos.",
    "zh": "可以问我简单图形、柱状图、短行文字或短视频。",
}
HELLO = {
    "en": f"Hello, I am a small demo model. {_SKILLS['en']}",
    "zh": f"你好，我是一个小型演示模型。{_SKILLS['zh']}",
}
REFUSAL = {
    "en": f"Sorry, I am a small demo model and cannot answer that. {_SKILLS['en']}",
    "zh": f"抱歉，我是一个小型演示模型，无法回答这个问题。{_SKILLS['zh']}",
}


def _split(text: str) -> tuple[str, ...]:
    """Entries parted by slashes and line ends."""
    return tuple(entry.strip() for entry in text.replace("\n", "/").split("/") if entry.strip())


_GREETINGS = {
    "en": _split("""
        Hello / Hello! / Hi / Hi! / hello / hi / hi there / Hey / Hey! / Good morning / Good evening
        Who are you? / What can you do? / What are you? / Help / Can you help me? / How are you?
        Introduce yourself. / What is your name? / Are you there? / Which model are you? / test / ping
    """),
    "zh": _split("""
        你好 / 您好 / 你好！ / 嗨 / 早上好 / 你是谁？ / 你能做什么？ / 你会什么？ / 介绍一下你自己。
        你叫什么名字？ / 你是什么模型？ / 帮帮我 / 在吗？ / 可以帮我吗？
    """),
}
_FRAMES = {
    "en": _split("""
        What is the capital of {}? / Who wrote {}? / Tell me about {}. / Write a poem about {}.
        Write a short story about {}. / Translate {} into French. / What does {} mean? / How does {} work?
        Explain {}. / Why is {} so popular? / What is the weather in {}? / Who invented {}?
        Give me a recipe for {}. / Write Python code for {}. / What is the price of {}? / How old is {}?
        Do you like {}? / What is the history of {}? / Summarise the news about {}. / Where can I buy {}?
        What is {}? / Who is {}? / Is {} dangerous? / Give me advice about {}. / How do I learn {}?
        What breed is the {}? / Who is the person next to the {}? / Is the {} happy?
        How many {} can you see? / Where was this picture of {} taken? / Where is the {}?
        What colour is the {}? / What is the {} doing?
    """),
    "zh": _split("""
        {}的首都是哪里？ / 谁写了{}？ / 请介绍一下{}。 / 写一首关于{}的诗。 / 写一个关于{}的故事。
        请把{}翻译成英文。 / {}是什么意思？ / {}是怎么工作的？ / 请解释{}。 / 今天{}的天气怎么样？
        谁发明了{}？ / {}多少钱？ / 怎么做{}？ / 用Python写{}。 / {}的历史是什么？ / 你喜欢{}吗？ / 什么是{}？
        怎样学习{}？ / {}在哪里？ / 照片里的{}是谁？ / 图中的{}是什么品种？ / {}在做什么？
        这张{}的照片是在哪里拍的？
    """),
}
_TOPICS = {
    "en": _split("""
        France / Japan / Brazil / London / Hamlet / love / the sea / a dragon / football / quantum physics
        democracy / bread / soup / music / history / the moon / chess / gold / coffee / a bicycle / dog / cat
        man / woman / car / tree / house / horse / bird / building / mountain / flower / child / people
        sorting a list / a web server / the stock market / medicine / taxes / space travel / my homework
        a good film / the ocean / climate / tea / an engine / computers / Mozart / Einstein
        banana / airplane / phone / river / bridge / the president / a joke / law / fish / robots / war
    """),
    "zh": _split("""
        法国 / 日本 / 巴西 / 伦敦 / 红楼梦 / 爱情 / 大海 / 足球 / 量子力学 / 面包 / 音乐 / 历史 / 月亮 / 象棋
        黄金 / 咖啡 / 自行车 / 狗 / 猫 / 男人 / 女人 / 汽车 / 树 / 房子 / 马 / 鸟 / 高山 / 花 / 孩子
        排序算法 / 股票 / 医学 / 太空 / 作业 / 电影 / 气候 / 茶叶 / 发动机 / 电脑 / 莫扎特 / 爱因斯坦 / 香蕉
        飞机 / 手机 / 河流 / 总统 / 笑话 / 法律 / 机器人 / 战争 / 北京 / 人工智能
    """),
}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_HAN = (
    "天地人山水火木金石田土日年时分秒春夏秋冬东西南北前后大小多少高低长短新旧老少男女父母兄弟学生先工作农商医法"
    "书画歌舞棋球车船飞机路桥楼门窗床桌椅衣帽鞋饭菜肉鱼果茶酒糖盐油米"
)


def greeting(rng: Random, language: Language) -> Question:
    return Question(rng.choice(_GREETINGS[language]), HELLO[language], "greeting", "vqa")


def beyond(rng: Random, language: Language) -> Question:
    """A question outside the domain; now and then about a word that does not exist."""
    topic = rng.choice(_TOPICS[language])
    if rng.random() < 0.35:
        alphabet, length = (_HAN, rng.randint(2, 4)) if language == "zh" else (_LETTERS, rng.randint(4, 9))
        topic = "".join(rng.choices(alphabet, k=length))
    text = rng.choice(_FRAMES[language]).format(topic)
    return Question(text, REFUSAL[language], "beyond", "vqa")


_SUMS = {
    "en": ("What is {} - {}?", "How much is {} - {}?"),
    "zh": ("{}减{}是多少？", "{} - {}等于多少？"),
}


def sums(rng: Random, count: int, language: Language | None = None) -> list[Question]:
    """Differences of two numbers, worded as those of two bars are answered, which need them."""
    found = []
    for _ in range(count):
        low, high = sorted((rng.randint(0, 99), rng.randint(0, 99)))
        text = rng.choice(_SUMS[language or rng.choice(LANGUAGES)]).format(high, low)
        found.append(Question(text, f"{high} - {low} = {high - low}", "sum", "vqa"))
    return found


def talk(rng: Random, count: int, language: Language | None = None) -> list[Question]:
    """Questions that come without any picture."""
    makers = [rng.choice((greeting, beyond)) for _ in range(count)]
    return [make(rng, language or rng.choice(LANGUAGES)) for make in makers]


_SUMMARY_TEXTS = {
    "en": (
        "What is on each page?",
        "Summarise the document.",
        "What does the document say?",
        "List what you found.",
    ),
    "zh": ("每一页写了什么？", "请总结这份文档。", "文档里有什么？", "列出找到的内容。"),
}


def pages(rng: Random, language: Language) -> tuple[str, list[str], str]:
    """A question, what was found on each page, and the answer that joins it and cites the pages.

    An empty question stands for the task's own default.
    """
    found = []
    for _ in range(rng.choice((1, 1, 2, 2, 3, 3))):
        lines = [reading.line(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        found.append("\n".join(lines))
    draw = rng.random()
    names = [page.split(" ")[0] for page in found if " " in page.split("\n")[0]]
    text = "" if draw < 0.5 else rng.choice(reading.READ[language] + _SUMMARY_TEXTS[language])
    if names and draw > 0.8:
        name = rng.choice(names)
        text = f"{name}是多少？" if language == "zh" else f"What is the {name} number?"
    return text, found, join_pages(found, language)


def join_pages(found: list[str], language: Language) -> str:
    """ "TOTAL 48, AB1 (page 1); ORDER 77 (page 2)." """
    if language == "zh":
        return (
            "；".join(f"{page.replace(chr(10), '，')}（第{n}页）" for n, page in enumerate(found, 1)) + "。"
        )
    return "; ".join(f"{page.replace(chr(10), ', ')} (page {n})" for n, page in enumerate(found, 1)) + "."
