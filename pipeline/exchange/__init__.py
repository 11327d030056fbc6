"""Features of others joined: trees and files of features understood, a collection and stages written for them."""
