/* Text from elsewhere, brought to one line. */
#ifndef SIDMILL_TEXT_ONE_LINE_H
#define SIDMILL_TEXT_ONE_LINE_H

/* Turns every run of white space and control characters (Unicode's Z* and Cc) in the UTF-8 text `s` into one space, and
 * drops it at both ends. */
void one_line(char *s);

#endif
