// Package view has the values that people and programs see of an installation, in
// the words of neither dialect, and the two seams around them: a Backend knows
// everything, a Desk is what one reader may see and do of it.
//
// The web pages and the APIs are made of these values alone. They never hold a
// secret: whoever fills one in masks what enters it. They are copies, or shared and
// never changed: a reader keeps them as long as it likes.
package view
