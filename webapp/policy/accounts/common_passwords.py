"""The most common passwords of at least ten characters."""

from typing import Final

# In lower case: attackers try other cases as well.
COMMON_PASSWORDS: Final = frozenset(
    (
        *("0000000000", "0123456789", "0987654321", "1010101010", "1111111111", "11111111111", "1112131415"),
        *("1122334455", "1212121212", "1231231231", "123123123123", "1234512345", "123456123456"),
        *("1234567890", "12345678901", "123456789012", "1234567891", "12345678910", "123456789a"),
        *("1234567899", "123456789q", "1234554321", "1234567890a", "1234567890q", "12345qwert"),
        *("1357924680", "147258369a", "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz2wsx3edc", "1qazxsw23edc"),
        *("2222222222", "3333333333", "5555555555", "6666666666", "7777777777", "8888888888", "9876543210"),
        *("9999999999", "aaaaaaaaaa", "abc1234567", "abcd123456", "abcd1234567", "abcdef1234", "abcdefghij"),
        *("abcdefghijk", "admin12345", "admin123456", "administrator", "alexander1", "asdfasdfasdf"),
        *(
            "asdfghjkl1",
            "asdfghjkl;",
            "basketball",
            "basketball1",
            "changeme123",
            "christopher",
            "cinderella",
        ),
        *("computer123", "demo123456", "dragon1234", "football123", "helloworld", "hello12345", "iloveyou12"),
        *("iloveyou123", "iloveyou1234", "letmein123", "letmein1234", "liverpool1", "liverpoolfc"),
        *(
            "manchester",
            "master1234",
            "monkey1234",
            "myspace123",
            "p@ssw0rd123",
            "passw0rd123",
            "passwort123",
        ),
        *("password00", "password01", "password10", "password11", "password12", "password123", "password1!"),
        *("password1234", "password12345", "password123!", "password99", "passwordpassword", "princess123"),
        *("q1w2e3r4t5", "q1w2e3r4t5y6", "qazwsx1234", "qazwsxedc1", "qazwsxedcrfv", "qwe123qwe123"),
        *("qwer123456", "qwerasdfzxcv", "qwert12345", "qwerty1234", "qwerty12345", "qwerty123456"),
        *("qwertyuiop", "qwertyuiop1", "qwertyuiop123", "qwertyqwerty", "secret1234", "shadow1234"),
        *("skateboard", "snowboarding", "soundloom1", "soundloom123", "spiderman1", "starwars123"),
        *(
            "summer2023",
            "summer2024",
            "summer2025",
            "sunshine123",
            "superman123",
            "test123456",
            "test1234567",
        ),
        *("testtesttest", "trustno123", "unbelievable", "welcome123", "welcome1234", "whatever123"),
        *("winter2023", "winter2024", "winter2025", "zaq12wsxcde3", "zxcvbnm123", "zxcvbnm1234"),
        *("zxcvbnmasdfghjkl", "zzzzzzzzzz"),
    )
)


def is_common(password: str) -> bool:
    """Return whether a password is one of them, regardless of case."""
    return password.lower() in COMMON_PASSWORDS
