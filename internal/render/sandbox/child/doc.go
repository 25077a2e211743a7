// Package child has work done by processes that this program starts for it, which
// confine themselves (package sandbox) before they read what a stranger wrote:
// starting them, ending them, keeping those that have nothing to do, and telling
// what they died of. It does not know what they do, nor how they are spoken to.
//
// A child has nothing but a pair of pipes, and its standard output and error, whose
// beginning is kept. It is told how much memory it may take (Setup), confines
// itself, says so (Hello), and then gets one task at a time. It ends with the
// process that started it.
package child
