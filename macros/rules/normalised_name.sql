{#-
    A chargeholder's name as it is compared, the same on both sides: upper case; & to AND; everything but letters and
    digits to a blank; blanks collapsed and trimmed; cut before the first " AS SECURITY TRUSTEE", " AS TRUSTEE" or
    " AS AGENT"; the word LTD to LIMITED. Words are told apart by blanks, which are doubled for that: the engines
    disagree on what a word boundary is beside a letter with an accent.
-#}
{%- macro normalised_name(name) -%}
    {%- set upper_name = "replace(upper(" ~ name ~ "), '&', ' AND ')" -%}
    {%- set words = "trim(" ~ regexp_replace_all(upper_name, '[^\\p{L}\\p{Nd}]+', ' ') ~ ")" -%}
    {%- set cut = regexp_replace_all(words, ' AS (SECURITY TRUSTEE|TRUSTEE|AGENT).*$', '') -%}
    {%- set spaced = "' ' || replace(" ~ cut ~ ", ' ', '  ') || ' '" -%}
    trim(replace(replace({{ spaced }}, ' LTD ', ' LIMITED '), '  ', ' '))
{%- endmacro -%}
