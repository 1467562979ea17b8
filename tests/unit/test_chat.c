/* SPDX-License-Identifier: Apache-2.0
 * Conversations with the gateway: what goes in, what comes out. Alice operates the house, but what is called `locked`, and does not
 * read what is called `secret`; the reader reads the house; neither knows that there is a cellar. */
#include "cmocka_all.h"
/* first, for the assertions */
#include "chat/parse.h"
#include "chat/session.h"
#include "chat_world.h"

struct line {
  const char *who, *language;
  bool is_thing; /* a chat with the plug itself */
  const char *text;
  bool has_acted;
  const char *answer;
};

static const struct line english[] = {
    {"alice", "en", false, "hi", false,
     "Hello! Say `help` or `#` to see what I understand, `ls` to see what is here."},
    {"alice", "en", false, "help", false,
     "`ls`: what is here\n"
     "`cd NAME`: go there; `cd ..` back\n"
     "`find TEXT`: look for it everywhere\n"
     "`NAME` or `NAME?`: its values\n"
     "`NAME on`, `NAME off`: switch it\n"
     "`set NAME PARAMETER VALUE`\n"
     "`watch NAME`: tell me when it changes\n"
     "`unwatch NAME`: no more\n"
     "`status`: what is wrong\n"
     "The beginning of a name is enough, and so is its number in the last list. `##` shows more."},
    {"alice", "en", false, "##", false,
     "`?` values, `??` everything\n"
     "`FIELD?` or `NAME.FIELD?`: one value\n"
     "`:=` or `NAME:=`: what can be set\n"
     "`PARAMETER:=VALUE`, `NAME.PARAMETER:=VALUE`: set it\n"
     "`/` the top, `//` a list of it\n"
     "`watch` at a place: what is watched; `unwatch all`\n"
     "`commands NAME`: what it can be told to do; `do NAME COMMAND`\n"
     "`log`: what was done (admins)\n"
     "`block ADDRESS`, `unblock ADDRESS`: whom nobody hears (admins)\n"
     "`report ADDRESS spam`, or `abuse`: block, and tell our server why (admins)"},
    {"alice", "en", false, "ls", false, "1 house/"},
    {"alice", "en", false, "cd house", false,
     "*house*\n"
     "1 kitchen/\n"
     "2 hall/"},
    {"alice", "en", false, "ls", false,
     "*house*\n"
     "1 kitchen/\n"
     "2 hall/"},
    {"alice", "en", false, "1", false,
     "*kitchen*\n"
     "1 Coffee plug"},
    {"alice", "en", false, "ls", false,
     "*kitchen*\n"
     "1 Coffee plug"},
    {"alice", "en", false, "plug", false,
     "*Coffee plug*\n"
     "relay: off\n"
     "power: 12.3 W\n"
     "locked: on"},
    {"alice", "en", false, "Coffee plug on", true, "*Coffee plug* relay: on"},
    {"alice", "en", false, "plug off", true, "*Coffee plug* relay: off"},
    {"alice", "en", false, "on plug", true, "*Coffee plug* relay: on"},
    {"alice", "en", false, "on", true, "*Coffee plug* relay: on"},
    {"alice", "en", false, "?", false,
     "*Coffee plug*\n"
     "relay: on\n"
     "power: 12.3 W\n"
     "locked: on"},
    {"alice", "en", false, "power?", false, "power: 12.3 W"},
    {"alice", "en", false, "plug.power?", false, "power: 12.3 W"},
    {"alice", "en", false, "plug??", false,
     "*Coffee plug*\n"
     "relay: on (2026-11-22 18:55:06Z)\n"
     "power: 12.3 W (2026-11-22 18:54:53Z)\n"
     "locked: on (2026-11-22 18:54:53Z)"},
    {"alice", "en", false, "cd /", false, "1 house/"},
    {"alice", "en", false, "temperature", false, "*hall-climate* temperature: 21.5 °C"},
    {"alice", "en", false, "temp?", false, "*hall-climate* temperature: 21.5 °C"},
    {"alice", "en", false, "humid", false, "*hall-climate* humidity: 40 %"},
    {"alice", "en", false, "hall climate", false,
     "*hall-climate*\n"
     "temperature: 21.5 °C\n"
     "humidity: 40 %\n"
     "setpoint: 20 °C\n"
     "mode: auto"},
    {"alice", "en", false, "set hall-climate setpoint 21", true, "*hall-climate* setpoint: 21 °C"},
    {"alice", "en", false, "setpoint 35", false, "setpoint must be between 5 and 30 °C. It goes in steps of 0.5."},
    {"alice", "en", false, "setpoint 21,5 °C", true, "*hall-climate* setpoint: 21.5 °C"},
    {"alice", "en", false, "setpoint to 22", true, "*hall-climate* setpoint: 22 °C"},
    {"alice", "en", false, "setpoint -5", false, "setpoint must be between 5 and 30 °C. It goes in steps of 0.5."},
    {"alice", "en", false, "mode foo", false, "mode must be one of: off, heating, auto"},
    {"alice", "en", false, "mode heating", true, "*hall-climate* mode: heating"},
    {"alice", "en", false, ":=", false,
     "*hall-climate*\n"
     "setpoint: 22 °C (5 to 30 °C)\n"
     "mode: heating (off, heating, auto)\n"
     "name: no value"},
    {"alice", "en", false, "setpoint:=", false, "setpoint: 22 °C (5 to 30 °C)"},
    {"alice", "en", false, "setpoint:=19.5", true, "*hall-climate* setpoint: 19.5 °C"},
    {"alice", "en", false, "hall-climate.mode:=auto", true, "*hall-climate* mode: auto"},
    {"alice", "en", false, "plug.relay:=on", true, "*Coffee plug* relay: on"},
    {"alice", "en", false, "set plug.relay=on", true, "*Coffee plug* relay: on"}, /* as on the command line */
    {"alice", "en", false, "plug.relay=on", true, "*Coffee plug* relay: on"},
    {"alice", "en", false, "plug relay = on", true, "*Coffee plug* relay: on"},
    {"alice", "en", false, "plug.locked:=off", false, "There is no *locked* to set. What can be set: relay"},
    {"alice", "en", false, "name Living room", true, "*hall-climate* name: Living room"},
    {"alice", "en", false, "plgu on", false, "I do not know *plgu on*. Did you mean *plug*?"},
    {"alice", "en", false, "hepl", false, "I do not know *hepl*. Did you mean *help*?"},
    {"alice", "en", false, "secret", false, "You may not do this."},
    {"alice", "en", false, "plug.secret?", false, "You may not do this."},
    {"alice", "en", false, "plug.secrt?", false,
     "*Coffee plug* has no *secrt*. `?` shows its values, `:=` what can be set."},
    {"alice", "en", false, "plug.powr?", false, "*Coffee plug* has no *powr*. Did you mean *power*?"},
    {"alice", "en", false, "meter", false,
     "I do not know *meter*. `ls` shows what is here, `help` what can be said."},
    {"alice", "en", false, "meter?", false,
     "I do not know *meter*. `ls` shows what is here, `help` what can be said."},
    {"alice", "en", false, "cellar", false,
     "I do not know *cellar*. `ls` shows what is here, `help` what can be said."},
    {"alice", "en", false, "find plug", false,
     "1 Coffee plug (house/kitchen)\n"
     "2 ∗Evil∗ fan 2 plug ˋrmˋ ＿x＿ (house/hall)"},
    {"alice", "en", false, "find fan", false, "1 ∗Evil∗ fan 2 plug ˋrmˋ ＿x＿ (house/hall)"},
    {"alice", "en", false, "find e", false,
     "1 house/\n"
     "2 kitchen/ (house)\n"
     "3 Coffee plug (house/kitchen)\n"
     "4 hall/ (house)\n"
     "5 hall-climate (house/hall)\n"
     "6 ∗Evil∗ fan 2 plug ˋrmˋ ＿x＿ (house/hall)"},
    {"alice", "en", false, "status", false, "3 devices, all is well"},
    {"alice", "en", false, "status plug", false, "1 device, all is well"},
    {"alice", "en", false, "log", false, "You may not do this."},
    {"alice", "en", false, "watch plug", true, "watched"},
    {"alice", "en", false, "watch plug power", true, "watched"},
    {"alice", "en", false, "watch", true, "watched"},
    {"alice", "en", false, "unwatch 1", true, "1 watch ended."},
    {"alice", "en", false, "unwatch all", true, "2 watches ended."},
    {"alice", "en", false, "watch house", false, "A place cannot be watched; name a thing in it."},
    {"alice", "en", false, "unwatch", false, "That is not watched. `watch` shows what is."},
    {"alice", "en", false, "house", false,
     "*house*\n"
     "1 kitchen/\n"
     "2 hall/"},
    {"alice", "en", false, "house temperature", false, "*hall-climate* temperature: 21.5 °C"},
    {"alice", "en", false, "get house", false,
     "*Coffee plug*\n"
     "relay: on\n"
     "power: 12.3 W\n"
     "locked: on\n"
     "*hall-climate*\n"
     "temperature: 21.5 °C\n"
     "humidity: 40 %\n"
     "setpoint: 19.5 °C\n"
     "mode: auto\n"
     "*∗Evil∗ fan 2 plug ˋrmˋ ＿x＿* No value yet."},
    {"alice", "en", false, "turn plug on", true, "*Coffee plug* relay: on"},
    {"alice", "en", false, "switch off plug", true, "*Coffee plug* relay: off"},
    {"alice", "en", false, "ha", false,
     "*ha* can be one of these:\n"
     "1 hall/ (house)\n"
     "2 hall-climate (house/hall)\n"
     "3 ∗Evil∗ fan 2 plug ˋrmˋ ＿x＿ (house/hall)\n"
     "Say the number in place of the name."},
    {"alice", "en", false, "h", false, "I do not know *h*. `ls` shows what is here, `help` what can be said."},
    {"alice", "en", false, "foo", false, "I do not know *foo*. `ls` shows what is here, `help` what can be said."},
    {"alice", "en", false, "set", false, "What is to be set? `set NAME PARAMETER VALUE`, or `NAME on`."},
    {"alice", "en", false, "set foo bar", false,
     "I do not know *foo bar*. `ls` shows what is here, `help` what can be said."},
    {"alice", "en", false, "cd ..", false, "1 house/"},
    {"alice", "en", false, "/", false, "1 house/"},
    {"alice", "en", false, "//", false, "1 house/"},
    {"alice", "en", false,
     "line one\n"
     "line two",
     false, "One command in a message, please."},
    {"alice", "en", false,
     "> quoted\n"
     "plug on",
     true, "*Coffee plug* relay: on"},
    {"alice", "en", false, "`ls`", false, "1 house/"},
    {"alice", "en", false, "Fan", false, "No value yet."},
    {"alice", "en", false, "/help", false,
     "`ls`: what is here\n"
     "`cd NAME`: go there; `cd ..` back\n"
     "`find TEXT`: look for it everywhere\n"
     "`NAME` or `NAME?`: its values\n"
     "`NAME on`, `NAME off`: switch it\n"
     "`set NAME PARAMETER VALUE`\n"
     "`watch NAME`: tell me when it changes\n"
     "`unwatch NAME`: no more\n"
     "`status`: what is wrong\n"
     "The beginning of a name is enough, and so is its number in the last list. `##` shows more."},
    {"alice", "en", false, "plug on please", false,
     "*Coffee plug* has no *on please*. `?` shows its values, `:=` what can be set."},
    {"alice", "en", false, "get plug and more", false,
     "*Coffee plug* has no *and more*. `?` shows its values, `:=` what can be set."},
    {"alice", "en", false, "1?", false,
     "*Coffee plug*\n"
     "relay: on\n"
     "power: 12.3 W\n"
     "locked: on\n"
     "*hall-climate*\n"
     "temperature: 21.5 °C\n"
     "humidity: 40 %\n"
     "setpoint: 19.5 °C\n"
     "mode: auto\n"
     "*∗Evil∗ fan 2 plug ˋrmˋ ＿x＿* No value yet."},
    {"alice", "en", false, "1 on", false, "Nothing can be set at *house*."},
    {"reader", "de", false, "hilfe", false,
     "`liste`: was hier ist\n"
     "`gehe NAME`: dorthin; `gehe ..` zurück\n"
     "`finde TEXT`: überall danach suchen\n"
     "`NAME` oder `NAME?`: seine Werte\n"
     "`NAME ein`, `NAME aus`: schalten\n"
     "`setze NAME PARAMETER WERT`\n"
     "`beobachte NAME`: Änderungen melden\n"
     "`vergiss NAME`: nicht mehr melden\n"
     "`zustand`: was nicht stimmt\n"
     "Der Anfang eines Namens genügt, oder seine Nummer in der letzten Liste. `##` zeigt mehr."},
    {"reader", "de", false, "liste", false, "1 house/"},
    {"reader", "de", false, "lies plug", false,
     "*Kaffeestecker*\n"
     "relay: ein\n"
     "power: 12.3 W\n"
     "secret: 42\n"
     "locked: ein"},
    {"reader", "de", false, "setze plug ein", false, "Das dürfen Sie nicht."},
    {"reader", "de", false, "plug an", false, "Das dürfen Sie nicht."},
    {"reader", "de", false, "plugg", false, "*plugg* kenne ich nicht. Meinten Sie *plug*?"},
    {"reader", "de", false, "hall-climate:=", false, "Das dürfen Sie nicht."},
    {"reader", "de", false, "zustand", false, "3 Geräte, alles in Ordnung"},
    {"reader", "de", false, "protokoll", false, "Das dürfen Sie nicht."},
    {"reader", "de", false, "log", false, "Das dürfen Sie nicht."},
    {"reader", "de", false, "Kaffeestecker", false,
     "*Kaffeestecker*\n"
     "relay: ein\n"
     "power: 12.3 W\n"
     "secret: 42\n"
     "locked: ein"},
    {"reader", "de", false, "Temperatur", false, "*hall-climate* Temperatur: 21.5 °C"},
    {"admin", "sv", false, "hej", false,
     "Hej! `hjälp` eller `#` visar vad jag förstår, `lista` vad som finns här."},
    {"admin", "sv", false, "ls", false,
     "1 house/\n"
     "2 cellar/"},
    {"admin", "sv", false, "lista", false,
     "1 house/\n"
     "2 cellar/"},
    {"admin", "sv", false, "läs meter", false,
     "*meter*\n"
     "Temperatur: 9 °C\n"
     "humidity: 80 %"},
    {"admin", "sv", false, "meter", false,
     "*meter*\n"
     "Temperatur: 9 °C\n"
     "humidity: 80 %"},
    {"admin", "sv", false, "sätt hall-climate setpoint 40", false,
     "setpoint måste vara mellan 5 och 30 °C. Det går i steg om 0.5."},
    {"admin", "sv", false, "kaffeuttag på", false,
     "Vilken parameter hos *Kaffeuttag*? Det här kan sättas: relay, locked"},
    {"admin", "sv", false, "logg", false,
     "alice set ∗plug∗\n"
     "› relay"},
    {"admin", "sv", false, "hjälp", false,
     "`lista`: vad som finns här\n"
     "`gå NAMN`: gå dit; `gå ..` tillbaka\n"
     "`hitta TEXT`: leta överallt\n"
     "`NAMN` eller `NAMN?`: dess värden\n"
     "`NAMN på`, `NAMN av`: slå på och av\n"
     "`sätt NAMN PARAMETER VÄRDE`\n"
     "`bevaka NAMN`: säg till när det ändras\n"
     "`glöm NAMN`: sluta säga till\n"
     "`läge`: vad som är fel\n"
     "Början av ett namn räcker, eller dess nummer i den senaste listan. `##` visar mer."},
    {"alice", "en", true, "on", true, "*Coffee plug* relay: on"},
    {"alice", "en", true, "?", false,
     "*Coffee plug*\n"
     "relay: on\n"
     "power: 12.3 W\n"
     "locked: on"},
    {"alice", "en", true, "power?", false, "power: 12.3 W"},
    {"alice", "en", true, "cd ..", false,
     "(This chat stays with *Coffee plug*.)\n"
     "*kitchen*\n"
     "1 Coffee plug"},
    {"alice", "en", true, "ls", false,
     "*Coffee plug*\n"
     "relay: on\n"
     "power: 12.3 W\n"
     "locked: on"},
    {"alice", "en", true, "hall-climate", false,
     "(This chat stays with *Coffee plug*.)\n"
     "*hall-climate*\n"
     "temperature: 21.5 °C\n"
     "humidity: 40 %\n"
     "setpoint: 19.5 °C\n"
     "mode: auto"},
    {"alice", "en", true, "set relay off", true, "*Coffee plug* relay: off"},
    {"alice", "en", true, "watch", true, "watched"},
    {"alice", "en", true, "unwatch", true, "1 watch ended."},
    {"alice", "en", true, ":=", false,
     "*Coffee plug*\n"
     "relay: off (on, off)"},
    {"alice", "en", true, "off", true, "*Coffee plug* relay: off"},
    {"alice", "en", true, "ls /", false, "1 house/"},
};

static const struct line translated[] = {
    {"reader", "de", false, "hilfe", false,
     "`liste`: was hier ist\n"
     "`gehe NAME`: dorthin; `gehe ..` zurück\n"
     "`finde TEXT`: überall danach suchen\n"
     "`NAME` oder `NAME?`: seine Werte\n"
     "`NAME ein`, `NAME aus`: schalten\n"
     "`setze NAME PARAMETER WERT`\n"
     "`beobachte NAME`: Änderungen melden\n"
     "`vergiss NAME`: nicht mehr melden\n"
     "`zustand`: was nicht stimmt\n"
     "Der Anfang eines Namens genügt, oder seine Nummer in der letzten Liste. `##` zeigt mehr."},
    {"reader", "de", false, "liste", false, "1 house/"},
    {"reader", "de", false, "lies plug", false,
     "*Kaffeestecker*\n"
     "relay: aus\n"
     "power: 12.3 W\n"
     "secret: 42\n"
     "locked: ein"},
    {"reader", "de", false, "setze plug ein", false, "Das dürfen Sie nicht."},
    {"reader", "de", false, "plug an", false, "Das dürfen Sie nicht."},
    {"reader", "de", false, "plugg", false, "*plugg* kenne ich nicht. Meinten Sie *plug*?"},
    {"reader", "de", false, "hall-climate:=", false, "Das dürfen Sie nicht."},
    {"reader", "de", false, "zustand", false, "3 Geräte, alles in Ordnung"},
    {"reader", "de", false, "protokoll", false, "Das dürfen Sie nicht."},
    {"reader", "de", false, "Kaffeestecker", false,
     "*Kaffeestecker*\n"
     "relay: aus\n"
     "power: 12.3 W\n"
     "secret: 42\n"
     "locked: ein"},
    {"reader", "de", false, "Temperatur", false, "*hall-climate* Temperatur: 21.5 °C"},
    {"reader", "de", false, "beobachte plug", true, "watched"},
    {"reader", "de", false, "vergiss alles", true, "1 Beobachtung beendet."},
    {"reader", "de", false, "foo", false,
     "*foo* kenne ich nicht. `liste` zeigt, was hier ist, `hilfe`, was ich verstehe."},
    {"admin", "sv", false, "hej", false,
     "Hej! `hjälp` eller `#` visar vad jag förstår, `lista` vad som finns här."},
    {"admin", "sv", false, "lista", false,
     "1 house/\n"
     "2 cellar/"},
    {"admin", "sv", false, "läs meter", false,
     "*meter*\n"
     "Temperatur: 9 °C\n"
     "humidity: 80 %"},
    {"admin", "sv", false, "meter", false,
     "*meter*\n"
     "Temperatur: 9 °C\n"
     "humidity: 80 %"},
    {"admin", "sv", false, "sätt hall-climate setpoint 40", false,
     "setpoint måste vara mellan 5 och 30 °C. Det går i steg om 0.5."},
    {"admin", "sv", false, "sätt hall-climate setpoint till 21", true, "*hall-climate* setpoint: 21 °C"},
    {"admin", "sv", false, "sätt hall-climate läge foo", false,
     "*läge foo* kan inte sättas. Det här kan sättas: setpoint, mode, name"},
    {"admin", "sv", false, "hall-climate mode foo", false, "mode måste vara något av: off, heating, auto"},
    {"admin", "sv", false, "kaffeuttag på", false,
     "Vilken parameter hos *Kaffeuttag*? Det här kan sättas: relay, locked"},
    {"admin", "sv", false, "kaffeuttag relay på", true, "*Kaffeuttag* relay: på"},
    {"admin", "sv", false, "logg", false,
     "alice set ∗plug∗\n"
     "› relay"},
    {"admin", "sv", false, "läge", false,
     "meter: Answers late.\n"
     "4 enheter, 1 med problem"},
    {"admin", "sv", false, "hjälp", false,
     "`lista`: vad som finns här\n"
     "`gå NAMN`: gå dit; `gå ..` tillbaka\n"
     "`hitta TEXT`: leta överallt\n"
     "`NAMN` eller `NAMN?`: dess värden\n"
     "`NAMN på`, `NAMN av`: slå på och av\n"
     "`sätt NAMN PARAMETER VÄRDE`\n"
     "`bevaka NAMN`: säg till när det ändras\n"
     "`glöm NAMN`: sluta säga till\n"
     "`läge`: vad som är fel\n"
     "Början av ett namn räcker, eller dess nummer i den senaste listan. `##` visar mer."},
    {"admin", "sv", false, "glöm 7", false, "Det bevakas inte. `bevaka` visar vad som gör det."},
    {"admin", "sv", false, "hitta meter", false, "1 meter (cellar) (!)"},
    {"alice", "de", false, "setze hall-climate setpoint auf 22", true, "*hall-climate* setpoint: 22 °C"},
    {"alice", "de", false, "schalte plug ein", true, "*Kaffeestecker* relay: ein"},
    {"alice", "de", false, "plug aus", true, "*Kaffeestecker* relay: aus"},
    {"alice", "de", false, "hall-climate setpoint abc", false,
     "setpoint muss zwischen 5 und 30 °C liegen. Es geht in Schritten von 0.5."},
    {"alice", "de", false, "hall-climate:=", false,
     "*hall-climate*\n"
     "setpoint: 22 °C (5 bis 30 °C)\n"
     "mode: auto (off, heating, auto)\n"
     "name: kein Wert"},
};

#define HOW "`block ADDRESS`, `unblock ADDRESS`, `report ADDRESS spam`"
static const struct line blocking[] = {
    {"admin", "en", false, "block", false, "Nobody is blocked.\n" HOW},
    {"admin", "en", false, "block eve@else.test", true,
     "eve@else.test is blocked: nothing of theirs is heard any more."},
    {"admin", "en", false, "report xmpp:Mallory@else.test SPAM they sell *watches*", true,
     "Mallory@else.test is blocked: nothing of theirs is heard any more."},
    {"admin", "en", false, "block @flood.test abuse", true,
     "@flood.test is blocked: nothing of theirs is heard any more."},
    {"admin", "en", false, "unblock", false, "Blocked: eve@else.test, mallory@else.test, flood.test\n" HOW},
    {"admin", "de", false, "freigeben eve@else.test", true, "eve@else.test wird wieder gehört."},
    {"admin", "de", false, "melde eve@else.test Missbrauch", true,
     "eve@else.test ist blockiert: Nichts davon wird mehr gehört."},
    {"admin", "sv", false, "avblockera eve@else.test", true, "eve@else.test hörs igen."},
    {"admin", "en", false, "unblock eve@else.test", false, "eve@else.test is not blocked."},
    {"admin", "en", false, "block a@b@c", false, "\"a@b@c\" is neither an address nor a domain."},
    {"admin", "en", false, "block eve@else.test/phone", false,
     "\"eve@else.test/phone\" is neither an address nor a domain."},
    {"admin", "en", false, "block admin@house.test", false,
     "admin@house.test is an admin, or has one; take that rule away first."},
    {"admin", "en", false, "block house.test", false,
     "house.test is an admin, or has one; take that rule away first."},
    {"admin", "en", false, "report eve@else.test", false,
     "Say why: `report ADDRESS spam`, or `abuse`, and what you like to add."},
    {"admin", "en", false, "report eve@else.test rudeness", false,
     "Say why: `report ADDRESS spam`, or `abuse`, and what you like to add."},
    {"admin", "en", false, "block eve@else.test mallory@else.test", false,
     "One address at a time, please; a reason belongs to `report`."},
    {"admin", "en", false, "unblock mallory@else.test spam", false,
     "One address at a time, please; a reason belongs to `report`."},
    {"admin", "en", false, "block", false, "Blocked: mallory@else.test, flood.test\n" HOW},
    /* nobody is meant: it may be a thing */
    {"admin", "en", false, "block plug", false, "I do not know *block plug*. Did you mean *block*?"},
    {"alice", "en", false, "block eve@else.test", false, "You may not do this."},
    {"alice", "en", false, "block", false, "You may not do this."},
    {"gardener", "en", false, "report eve@else.test spam", false, "You may not do this."},
    {"gardener", "en", false, "unblock mallory@else.test", false, "You may not do this."},
    {"reader", "en", false, "unblock mallory@else.test", false, "You may not do this."},
};

static void converse(const struct line lines[], size_t n)
{
  chat_begin();
  for (size_t i = 0; i < n; i++) {
    tt_id thing = lines[i].is_thing ? chat_node("plug")->id : 0;
    unsigned before = c.n_answers;
    const char *answer = chat_say(lines[i].who, lines[i].language, thing, lines[i].text);
    if (strcmp(answer, lines[i].answer) != 0 || c.has_acted != lines[i].has_acted)
      fail_msg("%s: %s\n%s\ninstead of\n%s", lines[i].who, lines[i].text, answer, lines[i].answer);
    assert_int_equal(c.n_answers, before + 1);
  }
  chat_end();
}

static void english_conversations(void **state)
{
  (void)state;
  converse(english, TT_COUNT(english));
}

static void translated_conversations(void **state)
{
  (void)state;
  converse(translated, TT_COUNT(translated));
}

static void whom_nobody_hears(void **state)
{
  (void)state;
  converse(blocking, TT_COUNT(blocking));
}

/* The words of a report have a limit, and so has what is shown of a wrong address. */
static void long_addresses_and_reports(void **state)
{
  (void)state;
  char line[TT_CHAT_LINE_MAX + 1];
  chat_begin();
  snprintf(line, sizeof(line), "report eve@else.test spam %0*d", TT_BLOCK_REPORT_MAX + 1, 0);
  assert_string_equal(chat_say("admin", "en", 0, line), "That is longer than 500 bytes.");
  assert_false(tt_blocks_has(c.blocks, "eve@else.test"));
  snprintf(line, sizeof(line), "report eve@else.test spam %0*d", TT_BLOCK_REPORT_MAX, 0);
  assert_non_null(strstr(chat_say("admin", "en", 0, line), "is blocked"));
  strcpy(line, "block ");
  while (strlen(line) < 300)
    strcat(line, "å");
  strcat(line, "@@");
  const char *answer = chat_say("admin", "en", 0, line);
  assert_non_null(strstr(answer, "is neither an address nor a domain."));
  assert_true(strlen(answer) < 200 && tt_utf8_is_valid(answer, strlen(answer)));
  chat_end();
}

/* ---- What a mapping wants confirmed -------------------------------------------------------------------------------- */

#define HOW_YES "`yes` does it; with anything else it is not done."
#define ASKED   "*boiler* heating: off\nThe house gets ∗cold∗. Really?\n" HOW_YES

static bool heats(void)
{
  return chat_node("boiler")->fields[0].value.boolean;
}

static void expect_said(const char *who, const char *line, const char *answer)
{
  const char *said = chat_say(who, "en", 0, line);
  if (strcmp(said, answer) != 0)
    fail_msg("%s: %s\n%s\ninstead of\n%s", who, line, said, answer);
}

static void what_is_asked_before_it_is_done(void **state)
{
  static const char *const lines[] = {"boiler off", "set boiler heating off", "boiler.heating:=off",
                                      "boiler heating off"};
  (void)state;
  chat_begin();
  chat_add_boiler();
  for (size_t i = 0; i < TT_COUNT(lines); i++) {
    unsigned before = c.n_decisions;
    expect_said("alice", lines[i], ASKED);
    assert_false(c.has_acted);
    assert_true(heats() && c.n_decisions == before);
    expect_said("alice", i % 2 ? "Ja" : "yes!", "*boiler* heating: off");
    assert_true(c.has_acted);
    assert_true(!heats() && c.n_decisions == before + 1);
    expect_said("alice", "yes", "There is nothing that you could say yes to.");
    assert_int_equal(c.n_decisions, before + 1);
    chat_report(chat_node("boiler"), 0, TT_VALUE_BOOLEAN(true));
  }
  /* A number that people write in their own way is not read in it a second time. */
  assert_non_null(
      strstr(chat_say("alice", "de", 0, "boiler curve 1,5"), "*boiler* curve: 1.5\nWirklich?\nMit `ja`"));
  assert_string_equal(chat_say("alice", "de", 0, "ja"), "*boiler* curve: 1.5");
  chat_end();
}

static void what_is_not_done(void **state)
{
  (void)state;
  chat_begin();
  chat_add_boiler();
  expect_said("alice", "boiler off", ASKED);
  expect_said("alice", "no", "*boiler*: nothing was done.");
  expect_said("alice", "boiler off", ASKED);
  expect_said("alice", "plug.power?", "*boiler*: nothing was done.\npower: 12.3 W");
  expect_said("alice", "yes", "There is nothing that you could say yes to.");
  expect_said("alice", "boiler off", ASKED);
  expect_said("alice", "boiler off", "*boiler*: nothing was done.\n" ASKED);
  c.now.mono_us += 120 * CHAT_SECOND;
  expect_said("alice", "yes", "*boiler*: nothing was done. Your yes came too late; say again what you want.");
  expect_said("alice", "boiler off", ASKED);
  expect_said("alice", "yes\nplease", "*boiler*: nothing was done.\nOne command in a message, please.");
  expect_said("alice", "boiler off", ASKED);
  assert_string_equal(chat_say("alice", "en", 0, "> Really?"), "");
  expect_said("alice", "> Really?\nyes", "*boiler* heating: off");
  assert_int_equal(c.n_decisions, 1);
  chat_end();
}

/* A yes is worth what the rules and the device say when it comes, and is whose question it was. */
static void whose_yes(void **state)
{
  (void)state;
  chat_begin();
  chat_add_boiler();
  expect_said("reader", "boiler off", "You may not do this.");
  expect_said("reader", "yes", "There is nothing that you could say yes to.");
  expect_said("alice", "boiler off", ASKED);
  expect_said("admin", "yes", "There is nothing that you could say yes to.");
  tt_access_configure(c.access, chat_rules + 2, 1); /* nobody but the reader, whom nobody calls alice */
  assert_string_equal(chat_say("alice", "en", 0, "yes"), "There is no such thing.");
  tt_access_configure(c.access, chat_rules, TT_COUNT(chat_rules));
  expect_said("alice", "boiler off", ASKED);
  tt_tree_remove(tt_core_tree(c.core), c.now, chat_node("boiler")->id);
  expect_said("alice", "yes", "There is no such thing.");
  assert_int_equal(c.n_decisions, 0);
  chat_end();
}

/* ---- Commands of things -------------------------------------------------------------------------------------------- */

static void what_a_thing_can_be_told_to_do(void **state)
{
  static const struct {
    const char *line, *answer, *told; /* told: NULL: nothing */
  } rows[] = {
      {"commands speaker",
       "*speaker*\nPlay\nGo to position=5 to 30 s [mode=off, heating, auto]\nsay text=…\nreset\npair with=… pin=…",
       NULL},
      {"commands plug", "*Coffee plug* has no commands.", NULL},
      {"commands", "Of which thing? `do NAME COMMAND`, or `cd NAME` first.", NULL},
      {"commands speaker play", "I do not know *speaker play*. Did you mean *speaker*?", NULL},
      {"do speaker play", "*speaker* Play: as you ∗wish∗", "play"},
      {"do speaker.play", "*speaker* Play: as you ∗wish∗", "play"},
      {"mach speaker abspielen", "*speaker* Play: as you ∗wish∗", "play"},
      {"do speaker seek position=12", "*speaker* Go to: as you ∗wish∗", "seek,12,2"},
      {"do speaker go to position=12,5 s mode=OFF", "*speaker* Go to: as you ∗wish∗", "seek,12.5,0"},
      {"do speaker seek mode=off",
       "*speaker* Go to: An argument is not valid; nothing was done. position: it must be given", NULL},
      {"do speaker seek position=99",
       "*speaker* Go to: An argument is not valid; nothing was done. position: 99 is above the most, 30", NULL},
      {"do speaker seek position=9 speed=1",
       "*speaker* Go to: An argument is not valid; nothing was done. speed: the command has no such argument",
       NULL},
      {"do speaker seek 12", "It is said so: Go to position=5 to 30 s [mode=off, heating, auto]", NULL},
      {"do speaker say Good morning, a=b", "*speaker* say: as you ∗wish∗", "say,Good morning, a=b"},
      {"do speaker say text=how  are you", "*speaker* say: as you ∗wish∗", "say,how  are you"},
      {"do speaker play 5", "It is said so: Play", NULL},
      {"do speaker fly", "*speaker* has no command *fly*. What can be done: Play, Go to, say, reset, pair", NULL},
      {"do speaker locked", "*speaker* has no command *locked*. What can be done: Play, Go to, say, reset, pair",
       NULL},
      {"do speaker", "What is *speaker* to do? What can be done: Play, Go to, say, reset, pair", NULL},
      {"do", "Of which thing? `do NAME COMMAND`, or `cd NAME` first.", NULL},
      {"do speaker on", "*speaker* relay: on", NULL},
      {"do plug on", "*Coffee plug* relay: on", NULL},
      {"do plug", "*Coffee plug* has no commands.", NULL},
      {"do ghost play", "I do not know *ghost play*. `ls` shows what is here, `help` what can be said.", NULL},
      {"do meter play", "I do not know *meter play*. `ls` shows what is here, `help` what can be said.", NULL},
      {"do speaker reset", "*speaker* reset\nEverything goes. Sure?\n" HOW_YES, NULL},
      {"yes", "*speaker* reset: as you ∗wish∗", "reset"},
      {"do speaker pair pin=1234 with=the phone", "*speaker* pair pin=... with=the phone\nSure?\n" HOW_YES, NULL},
      {"yes", "*speaker* pair: as you ∗wish∗", "pair,the phone,1234"},
      {"do speaker reset", "*speaker* reset\nEverything goes. Sure?\n" HOW_YES, NULL},
      {"no", "*speaker*: nothing was done.", NULL},
      {"yes", "There is nothing that you could say yes to.", NULL},
      {"cd speaker", "No value yet.", NULL},
      {"do play", "*speaker* Play: as you ∗wish∗", "play"},
      {"commands",
       "*speaker*\nPlay\nGo to position=5 to 30 s [mode=off, heating, auto]\nsay text=…\nreset\npair with=… pin=…",
       NULL},
  };
  (void)state;
  chat_begin();
  chat_add_speaker();
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    c.told[0] = '\0';
    if (!strncmp(rows[i].line, "cd ", 3))
      chat_say("alice", "en", 0, rows[i].line); /* whatever is known of it */
    else
      expect_said("alice", rows[i].line, rows[i].answer);
    assert_string_equal(c.told, rows[i].told ? rows[i].told : "");
    assert_true(!rows[i].told || c.has_acted);
  }
  expect_said("reader", "do speaker play", "You may not do this.");
  expect_said("reader", "commands speaker", "You may not do this.");
  c.device_error = -EIO;
  expect_said("alice", "do speaker play", "*speaker* Play: The device answered with an error. (broken wire)");
  assert_true(c.has_acted);
  chat_end();
}

/* Whatever is typed, nothing of the cellar is told to who may not know of it. */
static void what_is_not_seen_is_never_named(void **state)
{
  (void)state;
  static const char *const lines[] = {
      "ls",      "//",       "find e",        "find meter",  "meter",    "metr",         "cellar",  "cellr",
      "met?",    "me",       "cd cellar",     "get /",       "status",   "watch meter",  "unwatch", "meter on",
      "meter:=", "meter.x?", "set meter x 1", "temperature", "?",        "cellar/meter", "/cellar", "1",
      "2",       "3",        "humidity",      "get cellar",  "find cell"};
  chat_begin();
  for (size_t i = 0; i < TT_COUNT(lines); i++) {
    const char *answer = chat_say("reader", "", 0, lines[i]);
    const char *found = strstr(answer, "meter");
    /* "I do not know *meter*": their own words may come back, once */
    if (found && strstr(lines[i], "meter"))
      found = strstr(found + 1, "meter");
    if (found || strstr(answer, "late") || strstr(answer, "9 °C") ||
        (strstr(answer, "cellar") && !strstr(lines[i], "cellar")))
      fail_msg("%s: %s", lines[i], answer);
  }
  chat_end();
}

/* A field that may not be read is guessed for nobody. */
static void guesses_name_what_may_be_read(void **state)
{
  (void)state;
  chat_begin();
  assert_null(strstr(chat_say("alice", "en", 0, "plug.secre"), "*secret*"));
  assert_null(strstr(chat_say("alice", "en", 0, "plug.scret?"), "*secret*"));
  assert_non_null(strstr(chat_say("reader", "en", 0, "plug.scret?"), "*secret*"));
  assert_null(strstr(chat_say("alice", "en", 0, "plug:="), "locked"));
  chat_end();
}

static void a_reader_sets_nothing(void **state)
{
  (void)state;
  static const char *const lines[] = {"plug on",        "on plug",      "set plug on",
                                      "plug.relay:=on", "turn plug on", "plug relay on"};
  chat_begin();
  for (size_t i = 0; i < TT_COUNT(lines); i++)
    assert_string_equal(chat_say("reader", "en", 0, lines[i]), "You may not do this.");
  assert_int_equal(c.n_decisions, 0);
  chat_end();
}

/* No label makes a line or a style of its own. */
static void foreign_text_stays_one_piece(void **state)
{
  (void)state;
  chat_begin();
  const char *answer = chat_say("alice", "en", 0, "find fan");
  assert_null(strchr(answer, '\n'));
  assert_null(strpbrk(answer, "*`"));
  assert_null(strstr(answer, "\xe2\x80\xae"));
  chat_end();
}

static void a_device_that_fails(void **state)
{
  (void)state;
  chat_begin();
  c.device_error = -EIO;
  assert_string_equal(chat_say("alice", "en", 0, "plug on"),
                      "*Coffee plug* relay: The device answered with an error. (relay on plug: broken wire)");
  assert_true(c.has_acted); /* perhaps */
  chat_end();
}

static void a_silent_device(void **state)
{
  (void)state;
  chat_begin();
  c.is_slow = true;
  assert_string_equal(chat_say("alice", "en", 0, "plug on"), "");
  c.now.mono_us += 5 * CHAT_SECOND;
  tt_core_turn(c.core, c.now);
  assert_non_null(strstr(c.said.data, "did not answer in time"));
  assert_true(c.has_acted);
  chat_end();
}

/* Also what the model has put together. */
static void what_fails_in_their_language(void **state)
{
  (void)state;
  chat_begin();
  chat_add_speaker();
  c.is_slow = true;
  assert_string_equal(chat_say("alice", "de", 0, "plug an"), "");
  c.now.mono_us += 5 * CHAT_SECOND;
  tt_core_turn(c.core, c.now);
  assert_string_equal(c.said.data,
                      "*Kaffeestecker* relay: Das Gerät hat nicht rechtzeitig geantwortet. "
                      "(relay an plug: das Gerät hat nicht geantwortet; ob es geschehen ist, ist nicht bekannt)");
  c.is_slow = false;
  assert_string_equal(chat_say("alice", "sv", 0, "gör speaker seek position=99"),
                      "*speaker* Go to: En uppgift är ogiltig; ingenting gjordes. position: 99 är över det största "
                      "värdet, 30");
  assert_string_equal(chat_say("alice", "sv", 0, "speaker"), "Inget värde ännu.");
  chat_end();
}

/* The language is that of the message, else of the last one that had one. */
static void language_is_remembered(void **state)
{
  (void)state;
  chat_begin();
  assert_non_null(strstr(chat_say("alice", "", 0, "foo"), "I do not know"));
  assert_non_null(strstr(chat_say("alice", "sv-SE", 0, "foo"), "Jag känner inte till"));
  assert_non_null(strstr(chat_say("alice", "", 0, "foo"), "Jag känner inte till"));
  assert_string_equal(c.language, "sv-SE");
  assert_non_null(strstr(chat_say("reader", "", 0, "foo"), "I do not know"));
  chat_end();
}

static void a_place_is_forgotten_after_a_while(void **state)
{
  (void)state;
  chat_begin();
  chat_say("alice", "en", 0, "plug");
  assert_non_null(strstr(chat_say("alice", "en", 0, "off"), "relay: off"));
  c.now.mono_us += TT_CHAT_IDLE_US;
  assert_non_null(strstr(chat_say("alice", "en", 0, "on"), "Of which thing?"));
  chat_end();
}

static void open_lines_are_limited(void **state)
{
  (void)state;
  chat_begin();
  c.is_slow = true;
  for (int i = 0; i < TT_CHAT_OPEN_PER_PERSON; i++)
    assert_string_equal(chat_say("alice", "en", 0, i ? "plug on" : "hall-climate setpoint 20"), "");
  assert_string_equal(chat_say("alice", "en", 0, "plug on"), "Too many requests; try again later.");
  assert_non_null(strstr(chat_say("reader", "en", 0, "plug"), "relay"));
  chat_devices_answer();
  chat_end();
}

/* Who has gone gets no answer; what was commanded is done. */
static void forgotten_lines(void **state)
{
  (void)state;
  const struct tt_caller caller = {.kind = TT_CALLER_XMPP,
                                   .jid = "alice@house.test/x",
                                   .bare = "alice@house.test",
                                   .local = "gw.test",
                                   .language = ""};
  chat_begin();
  tt_id line =
      tt_chat_say(c.chat, &(struct tt_chat_line){.caller = &caller, .text = "plug on"}, chat_on_answer, NULL);
  assert_true(line != 0 && tt_chat_is_acting(c.chat, line));
  tt_chat_forget(c.chat, line);
  tt_chat_forget(c.chat, line);
  chat_devices_answer();
  assert_int_equal(c.n_answers, 0);
  assert_int_equal(c.n_decisions, 1);
  assert_true(chat_node("plug")->fields[0].value.boolean);
  assert_false(tt_chat_is_acting(c.chat, line));
  chat_end();
}

static void long_lists_are_cut(void **state)
{
  (void)state;
  char key[16];
  chat_begin();
  for (int i = 0; i < TT_CHAT_LIST_MAX + 5; i++) {
    snprintf(key, sizeof(key), "lamp%d", i);
    chat_add(key, "house/many", NULL, chat_plug_points, 1);
  }
  const char *answer = chat_say("alice", "en", 0, "ls many");
  assert_non_null(strstr(answer, "25 lamp24\n... 5 more, `find TEXT` narrows"));
  assert_null(strstr(answer, "lamp25"));
  chat_end();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(english_conversations),
      cmocka_unit_test(translated_conversations),
      cmocka_unit_test(whom_nobody_hears),
      cmocka_unit_test(long_addresses_and_reports),
      cmocka_unit_test(what_is_asked_before_it_is_done),
      cmocka_unit_test(what_is_not_done),
      cmocka_unit_test(whose_yes),
      cmocka_unit_test(what_a_thing_can_be_told_to_do),
      cmocka_unit_test(what_is_not_seen_is_never_named),
      cmocka_unit_test(guesses_name_what_may_be_read),
      cmocka_unit_test(a_reader_sets_nothing),
      cmocka_unit_test(foreign_text_stays_one_piece),
      cmocka_unit_test(a_device_that_fails),
      cmocka_unit_test(a_silent_device),
      cmocka_unit_test(what_fails_in_their_language),
      cmocka_unit_test(language_is_remembered),
      cmocka_unit_test(a_place_is_forgotten_after_a_while),
      cmocka_unit_test(open_lines_are_limited),
      cmocka_unit_test(forgotten_lines),
      cmocka_unit_test(long_lists_are_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
