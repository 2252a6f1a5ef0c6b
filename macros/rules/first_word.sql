{#- The first word of a text whose words have single blanks between them. -#}
{%- macro first_word(words) -%}
    substr({{ words }}, 1, strpos({{ words }} || ' ', ' ') - 1)
{%- endmacro -%}
