{#-
    A text as its words: upper case; & to AND; everything but letters and digits to a blank; blanks collapsed and
    trimmed.
-#}
{%- macro cleaned_text(text) -%}
    {%- set upper_text = "replace(" ~ upper_case(text) ~ ", '&', ' AND ')" -%}
    trim({{ regexp_replace_all(upper_text, '[^\\p{L}\\p{Nd}]+', ' ') }})
{%- endmacro -%}
