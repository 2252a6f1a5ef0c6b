{#-
    A chargeholder's name as it is compared, the same on all sides: its words; cut before the first
    " AS SECURITY TRUSTEE", " AS TRUSTEE" or " AS AGENT"; the word LTD to LIMITED. Words are told apart by blanks,
    which are doubled for that: the engines disagree on what a word boundary is beside a letter with an accent.
-#}
{%- macro normalised_name(name) -%}
    {%- set cut = regexp_replace_all(cleaned_text(name), ' AS (SECURITY TRUSTEE|TRUSTEE|AGENT).*$', '') -%}
    {%- set spaced = "' ' || replace(" ~ cut ~ ", ' ', '  ') || ' '" -%}
    trim(replace(replace({{ spaced }}, ' LTD ', ' LIMITED '), '  ', ' '))
{%- endmacro -%}
