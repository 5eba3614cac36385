/* geoip/distance.h - great-circle distances, on a sphere of the Earth's mean radius.
 *
 * A place is kept as a point on the unit sphere: the straight line through the Earth between two
 * such points gives the haversine of the angle between them (its square over 4) without further
 * trigonometry.
 */
#ifndef GEOIP_DISTANCE_H
#define GEOIP_DISTANCE_H

struct distance_point {
    double x;
    double y;
    double z;
};

/* Degrees north and degrees east. */
struct distance_point distance_point_of(double latitude, double longitude);

/* Kilometres along the surface; the same whichever of the two comes first. */
double distance_km(const struct distance_point *a, const struct distance_point *b);

#endif
