// Package office is a process of ours at a real phone system, with calls between real phones in every state, for stories of what
// breaks. It is one for all phone systems: a [Ward] says how one is reached, what breaks is each suite's own.
//
// A process can be killed and begun again on the same [Store], which counts how often the end of each call is told.
package office
