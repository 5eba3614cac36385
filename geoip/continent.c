#include "geoip/continent.h"

#include <string.h>

struct continent {
    char code[3];
    const char *countries; /* codes of two letters, each with a space behind it */
};

static const struct continent continents[] = {
    {"AF",
     "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG "
     "ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW "},
    {"AN", "AQ BV GS HM TF "},
    {"AS",
     "AE AF AM AP AZ BD BH BN BT CC CN GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK "
     "MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE "},
    {"EU",
     "AD AL AT AX BA BE BG BY CH CS CY CZ DE DK EE ES EU FI FO FR GB GG GI GR HR HU IE IM IS IT "
     "JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA UK VA XK YU "},
    {"NA",
     "AG AI AN AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX "
     "NI PA PM PR SV SX TC TT US VC VG VI "},
    {"OC", "AS AU CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS "},
    {"SA", "AR BO BR CL CO EC FK GF GY PE PY SR UY VE "},
};

enum { CONTINENTS_COUNT = sizeof continents / sizeof continents[0] };

static bool lists(const char *countries, const char *country)
{
    for (const char *p = countries; *p; p += 3) {
        if (p[0] == country[0] && p[1] == country[1])
            return true;
    }
    return false;
}

const char *continent_of_country(const char *country)
{
    if (strlen(country) != 2)
        return "";
    for (unsigned i = 0; i < CONTINENTS_COUNT; i++) {
        if (lists(continents[i].countries, country))
            return continents[i].code;
    }
    return "";
}

bool continent_is_code(const char *code)
{
    for (unsigned i = 0; i < CONTINENTS_COUNT; i++) {
        if (strcmp(continents[i].code, code) == 0)
            return true;
    }
    return false;
}
