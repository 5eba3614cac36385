#include "geoip/distance.h"

#include <math.h>

static const double earth_radius_km = 6371.0088; /* IUGG mean radius */

struct distance_point distance_point_of(double latitude, double longitude)
{
    const double north = latitude * (M_PI / 180);
    const double east = longitude * (M_PI / 180);
    return (struct distance_point){
        .x = cos(north) * cos(east), .y = cos(north) * sin(east), .z = sin(north)};
}

double distance_km(const struct distance_point *a, const struct distance_point *b)
{
    const double dx = a->x - b->x;
    const double dy = a->y - b->y;
    const double dz = a->z - b->z;
    const double haversine = (dx * dx + dy * dy + dz * dz) / 4;
    return 2 * earth_radius_km * asin(fmin(1, sqrt(haversine)));
}
