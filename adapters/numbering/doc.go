// Package numbering reads telephone numbers as people in one hospital type them, and folds names for comparison.
//
// A [Plan] decides in this order:
//
//  1. characters: full width is folded to ASCII; control and format characters and other scripts' digits are refused
//  2. syntax: punctuation is dropped; an optional + and 1 to 32 of [0-9*#] must be left
//  3. emergency numbers, also behind the outside prefix, the country code and an area code, in any mix
//  4. + : international
//  5. the extension rule
//  6. what is left is external: the outside prefix is dropped, then the international prefix (00, 011), the trunk
//     prefix and the area code are understood
//
// The national numbering plans of phonenumbers serve to find an E.164 form, and to choose between two readings of
// the same digits. They never refuse a number: plans change more often than hospitals update, so what a plan does
// not know is kept with its digits. An outside prefix may also be the first digit of a number typed without it
// ("9125551234"): the reading behind the prefix wins, as on the PBX, unless only the other one is valid in the plan.
//
// An extension cannot have the digits of an emergency number, nor those of one behind the outside prefix: "9110" with
// outside "9" is always the police. Refusing a click is cheap; ringing the police by mistake is not.
package numbering
