{{ config(severity='warn') }}

select * from {{ ref('unparseable_values') }}
