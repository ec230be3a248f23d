/* Functions that are too easy to get wrong; using one is a compile error. Included by force into
 * every C file. */
#pragma once

#ifndef __cplusplus
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#pragma GCC poison strcpy strcat sprintf vsprintf strtok strncpy strncat atoi atol atof gmtime \
    localtime ctime asctime gets
#endif
