{% include "gallery_cards.js" %}

{% include "gallery.js" %}
